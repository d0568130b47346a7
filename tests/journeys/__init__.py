"""A lab opens its gate, from an empty database, with documented commands and pages alone."""
