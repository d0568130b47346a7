"""Check an installation from within: `manage.py doctor`, and the operators' page of checks."""
