"""The base of every view of the API: permissions, rates, pages, errors and schema."""
