"""Text to ids and back, by the tokenizer in a model's folder. Free of torch."""

from inference.tokenizer.tokenizer import Tokenizer

__all__ = ["Tokenizer"]
