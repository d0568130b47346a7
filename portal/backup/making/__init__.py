"""The making of a backup."""
