"""Captures and interventions of jobs, between their rows, the engine and the store."""
