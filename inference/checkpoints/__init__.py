"""Checkpoints in other forms than the engine's own: found, read without trust, converted."""
