"""Read what strangers send: one reader for each format, bounded before it does its work."""
