"""The gate of a model as its administrators set it up: settings, team and questions."""
