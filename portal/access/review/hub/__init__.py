"""Review in the words of the Hub's protocol."""
