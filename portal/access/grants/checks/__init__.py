"""Screening of grants and memberships that stand."""
