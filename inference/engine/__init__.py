"""Serve one model: requests in, token events out."""
