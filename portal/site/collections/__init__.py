"""The public page of a collection of models."""
