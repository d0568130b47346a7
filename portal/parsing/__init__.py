"""Readers of what strangers send: one for each format, each bounded before it does its work."""
