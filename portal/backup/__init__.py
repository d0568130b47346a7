"""Backups of an installation, and restores that bring no access back."""
