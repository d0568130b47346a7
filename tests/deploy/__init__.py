"""The files of deploy/ are right, and what they start runs."""
