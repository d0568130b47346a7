"""What the clock does once a minute: remind, escalate, lapse."""
