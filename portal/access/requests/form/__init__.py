"""The request form: its questions, steps and answers."""
