"""Open a checkpoint in any known form and read its tensors without trusting it."""
