"""Organizations: their register, and their mail domains."""
