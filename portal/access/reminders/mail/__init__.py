"""Timers of mail itself: the daily digest, and letters that came back."""
