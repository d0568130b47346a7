"""Synthetic data: months of a gate's work, for load tests, upgrades and training."""
