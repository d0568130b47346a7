"""What leaves the gate: figures, tables, archives; and what is forgotten."""
