"""The energy, carbon and cost of jobs, the figures that price them, and sums of use."""
