"""Set an installation up: ``manage.py setup``."""
