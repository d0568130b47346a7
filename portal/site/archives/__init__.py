"""What is taken out of the portal: evidence, tables, one's own data."""
