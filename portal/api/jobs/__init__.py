"""One's own jobs in the API."""
