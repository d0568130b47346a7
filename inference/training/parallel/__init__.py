"""Spread a training over ranks: the loop stays the same, and a plan is applied to the model."""
