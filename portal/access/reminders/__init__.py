"""Reminders, escalations and lapses, which the tick runs once a minute."""
