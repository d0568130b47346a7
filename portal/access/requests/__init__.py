"""Requests, from the draft to the submission, the answers and the appeal."""
