"""The demo: its parts, its start, and the screen that tells of it."""
