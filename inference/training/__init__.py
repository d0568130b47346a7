"""Train a small OPT model, keep a logbook, and resume an interrupted run."""
