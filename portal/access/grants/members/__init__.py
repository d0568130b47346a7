"""Members of an organization's grant."""
