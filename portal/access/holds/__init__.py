"""Holds: access stopped at once, for a person, a grant, a model or its bytes."""
