"""Grants, from the offer or the signature to their end."""
