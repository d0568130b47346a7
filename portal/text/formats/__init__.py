"""Formats of what machines read, for each language but English."""
