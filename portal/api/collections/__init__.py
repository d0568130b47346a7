"""Collections over the API: read by anybody, changed by their lab."""
