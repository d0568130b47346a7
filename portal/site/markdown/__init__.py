"""Markdown that others wrote, rendered so that it can do no harm."""
