"""Helpers that the pages of requests and of grants share."""
