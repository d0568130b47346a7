"""Operations on the reviewers' queue and its cases."""
