"""Legal holds: list, place and lift them."""
