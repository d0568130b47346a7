"""Hold the decoder that is trained, and its loss over the vocabulary."""
