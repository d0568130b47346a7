"""Rotate the keys that an installation signs with, without ending what they have signed."""
