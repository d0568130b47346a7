"""Setting an installation up."""
