"""The parts of a model's page."""
