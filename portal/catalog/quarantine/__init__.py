"""Keep a received revision to its publishers until it has passed its check."""
