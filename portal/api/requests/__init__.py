"""One's own requests, and the form that they answer."""
