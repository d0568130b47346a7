"""Restores: into a database beside the portal's, checked there, and only then taken into use."""
