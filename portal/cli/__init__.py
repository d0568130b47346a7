"""The command `weightgate`, which a checkout has as `python -m portal.cli`."""
