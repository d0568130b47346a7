"""The framework of the API: operations, their addresses, errors and schema."""
