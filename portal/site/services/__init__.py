"""The site's own use cases: what leaves it, and what it keeps no longer."""
