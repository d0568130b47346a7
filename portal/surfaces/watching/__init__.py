"""Middleware that measures requests and follows them."""
