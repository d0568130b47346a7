"""Models, their downloads, exports and former names."""
