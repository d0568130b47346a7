"""The language in which each request is answered."""
