"""A person's own jobs: listed, added up, and run again."""
