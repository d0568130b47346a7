"""The log of endings: events that took access away, copied to a second place after their commit."""
