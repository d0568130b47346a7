"""Faults and load on two hosts, run by `make soak` alone: they take a quarter of an hour."""
