"""Pages on which administrators change a gate."""
