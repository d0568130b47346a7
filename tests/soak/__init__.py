"""Faults and load: `make soak` runs these at length, `make test` one of them in short."""
