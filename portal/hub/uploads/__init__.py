"""Uploads that come before their commit."""
