"""The demo: its parts, its start, and the screen that shows how to use it."""
