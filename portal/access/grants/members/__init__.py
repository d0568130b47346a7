"""Members of an organization's grant: invited, joined, carried on and ended."""
