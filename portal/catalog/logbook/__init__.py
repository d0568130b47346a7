"""Logbooks of training, in a lab's own Markdown or the trainer's rows."""
