"""The reviewers' queue."""
