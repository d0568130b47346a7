"""The portal's own REST API: what the pages do, as JSON, through the same services."""
