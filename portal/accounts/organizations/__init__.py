"""Organizations: their register, and the mail domains that are theirs."""
