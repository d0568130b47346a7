"""PostgreSQL, for all apps alike."""
