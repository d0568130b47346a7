"""What the record says of grants, and whether the rows agree."""
