"""Sums of hosted use in the API."""
