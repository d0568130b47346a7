"""Certificates of signatures, signed by the installation's own key."""
