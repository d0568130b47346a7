"""What cards and files say of a model to the Hub's clients."""
