"""Votes and decisions, and how they are undone."""
