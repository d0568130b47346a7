"""Find, read and convert checkpoints in formats other than the engine's, without trusting them."""
