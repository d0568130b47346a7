"""Commits as the Hub's clients send them."""
