"""Quotas of hosted use: the fields that name them, and the change of those of a grant."""
