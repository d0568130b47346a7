"""Accounts of what was fetched: counts, budgets and roll-ups."""
