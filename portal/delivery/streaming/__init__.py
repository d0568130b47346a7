"""Answers that carry a file's bytes."""
