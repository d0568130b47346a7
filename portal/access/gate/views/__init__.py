"""The pages on which administrators settle a gate."""
