"""Captures of a model’s inside: asked for, counted against a budget, kept and handed out."""
