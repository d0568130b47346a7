"""Archives that leave the portal: evidence, tables, and a person's own data."""
