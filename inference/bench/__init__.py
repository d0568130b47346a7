"""How fast the engine is, beside other engines in the same minutes on the same machine."""
