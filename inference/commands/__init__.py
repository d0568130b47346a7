"""The command line, one module a command; torch is imported only by those that need it."""
