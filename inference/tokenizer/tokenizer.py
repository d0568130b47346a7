"""Encode text to ids and decode ids to text, by a folder's tokenizer. Free of torch.

The file's own post-processor puts special tokens around the text, such as OPT's ``</s>`` before it.
"""

from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer as FastTokenizer
from tokenizers import decoders

from inference.errors import TokenizerError
from inference.tokenizer.files import build_fast_tokenizer, has_tokenizer


class Tokenizer:
    """A byte-level BPE, read from a file."""

    def __init__(self, fast: FastTokenizer) -> None:
        self._fast = fast
        self._added = fast.get_added_tokens_decoder()
        if not isinstance(fast.decoder, decoders.ByteLevel):
            raise TokenizerError("tokenizer.json is not a byte-level BPE (its decoder says so)")

    @classmethod
    def from_directory(cls, directory: str | Path) -> "Tokenizer":
        """Read a folder's tokenizer.json, or vocab.json and merges.txt. Raises TokenizerError."""
        return cls(build_fast_tokenizer(directory))

    @classmethod
    def find(cls, directory: str | Path) -> "Tokenizer | None":
        """Read the directory's tokenizer; None where it has none. Raises TokenizerError."""
        return cls.from_directory(directory) if has_tokenizer(directory) else None

    @cached_property
    def vocab_size(self) -> int:
        """Number of ids: one more than the highest."""
        return max(self._fast.get_vocab(with_added_tokens=True).values()) + 1

    @cached_property
    def longest_token_bytes(self) -> int:
        """Largest number of bytes of text that one token stands for.

        A text of more bytes than a number of tokens times this has more tokens than that, which is
        known before any of it is tokenized: a byte-level BPE keeps every byte.
        """
        added = max((len(token.content.encode()) for token in self._added.values()), default=1)
        ids = self._fast.get_vocab(with_added_tokens=True).values()
        return max(added, *(len(self.token_bytes(token)) for token in ids))

    def encode(self, text: str, *, special_tokens: bool = True) -> list[int]:
        """Return the ids of text, with the special tokens that the file puts around it."""
        return list(self._fast.encode(text, add_special_tokens=special_tokens).ids)

    def decode(self, token_ids: list[int], *, special_tokens: bool = False) -> str:
        """Return the text of ids; broken UTF-8 becomes U+FFFD.

        Special tokens are left out, or written by their names.
        """
        spell = self._named_bytes if special_tokens else self.token_bytes
        return b"".join(map(spell, token_ids)).decode("utf-8", errors="replace")

    def _named_bytes(self, token_id: int) -> bytes:
        added = self._added.get(token_id)
        return added.content.encode() if added else self.token_bytes(token_id)

    def token_bytes(self, token_id: int) -> bytes:
        """Return the bytes that a token stands for; none for special tokens and unknown ids."""
        added = self._added.get(token_id)
        if added is not None:
            return b"" if added.special else added.content.encode()
        token = self._fast.id_to_token(token_id)
        return b"" if token is None else _to_bytes(token)

    def piece(self, token_id: int) -> str:
        """Return a token as the vocabulary spells it, in GPT-2's alphabet for bytes."""
        return self._fast.id_to_token(token_id) or ""

    def name(self, token_id: int) -> str:
        """Return how one token looks alone: a special token's name, or its text."""
        added = self._added.get(token_id)
        return added.content if added else self.decode([token_id])


def _byte_alphabet() -> dict[str, int]:
    """Return the byte of each character of GPT-2's alphabet, in which printable ones stay."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    unprintable = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(byte): byte for byte in printable} | {
        chr(256 + n): byte for n, byte in enumerate(unprintable)
    }


_BYTES = _byte_alphabet()


def _to_bytes(token: str) -> bytes:
    if all(character in _BYTES for character in token):
        return bytes(_BYTES[character] for character in token)
    return token.encode()  # a word that was added without the byte alphabet
