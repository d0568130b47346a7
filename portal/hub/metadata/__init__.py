"""Metadata of models for the Hub's clients, read from cards and files."""
