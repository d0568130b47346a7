"""Grants as the record tells them, compared with their rows."""
