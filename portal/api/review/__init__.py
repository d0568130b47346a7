"""The reviewers' queue and its cases."""
