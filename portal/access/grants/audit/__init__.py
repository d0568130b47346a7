"""Grants and members in the audit record: written as facts, and compared with their rows."""
