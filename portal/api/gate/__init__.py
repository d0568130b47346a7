"""A gate's settings, its questions and its team."""
