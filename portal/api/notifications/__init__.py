"""Notifications of the gates that the caller works."""
