"""Reports: figures, tables, the archive of a request, and what is forgotten when."""
