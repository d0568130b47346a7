"""Accounts of what was fetched: counts, quotas and roll-ups."""
