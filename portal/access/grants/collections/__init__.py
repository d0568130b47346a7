"""Grants through a collection: what a model that joins or one that is closed means to them."""
