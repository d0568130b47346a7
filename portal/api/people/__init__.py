"""Organizations, affiliations and references."""
