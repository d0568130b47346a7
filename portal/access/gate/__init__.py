"""A model's gate as its administrators settle it: settings, team, questions."""
