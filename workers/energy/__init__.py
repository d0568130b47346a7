"""Meter the energy that a worker's hardware uses, and share it out to jobs and idle time."""
