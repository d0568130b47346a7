"""Serving by workers: which revisions they held of late, and how jobs wait for them."""
