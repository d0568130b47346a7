"""Read texts, tokenize them, and hand out a step's examples, in an order that nothing disturbs."""
