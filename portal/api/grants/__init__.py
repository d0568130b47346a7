"""Grants, members, renewals and checks."""
