"""Files of a model, brought and committed."""
