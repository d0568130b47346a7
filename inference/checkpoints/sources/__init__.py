"""Open a checkpoint in any known format and read its tensors without trusting it."""
