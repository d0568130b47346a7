"""Untrusted Markdown, rendered to safe HTML."""
