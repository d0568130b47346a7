"""Collections of models: which there are, and how a lab makes and changes them."""
