"""How a grant ends: by its holder or by the lab, and what ends with it."""
