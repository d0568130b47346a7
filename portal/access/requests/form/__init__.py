"""The request form: its questions, its steps and its answers."""
