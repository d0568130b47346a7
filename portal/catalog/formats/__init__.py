"""Formats that revisions' files have, read without running anything."""
