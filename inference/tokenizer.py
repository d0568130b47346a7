"""Text to ids and back, from tokenizer.json. Free of torch.

What stands before the text (OPT's ``</s>``) is the file's own post-processor's business.
"""

import codecs
import json
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer as FastTokenizer

from inference.errors import TokenizerError

FILE_NAME = "tokenizer.json"


class Tokenizer:
    """A byte-level BPE, read from a file."""

    def __init__(self, fast: FastTokenizer) -> None:
        self._fast = fast
        self._added = fast.get_added_tokens_decoder()
        decoder = json.loads(fast.to_str()).get("decoder") or {}
        if decoder.get("type") != "ByteLevel":
            raise TokenizerError("tokenizer.json is not a byte-level BPE (its decoder says so)")

    @classmethod
    def from_directory(cls, directory: str | Path) -> "Tokenizer":
        """Read DIR/tokenizer.json; raises TokenizerError."""
        path = Path(directory) / FILE_NAME
        try:
            return cls(FastTokenizer.from_str(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise TokenizerError(f"cannot read {path}: {error.strerror}") from error
        except TokenizerError:
            raise
        except Exception as error:  # tokenizers raises bare Exception
            raise TokenizerError(f"{path} is not a tokenizer: {error}") from error

    @classmethod
    def find(cls, directory: str | Path) -> "Tokenizer | None":
        """The directory's tokenizer, or None where it has none."""
        present = (Path(directory) / FILE_NAME).is_file()
        return cls.from_directory(directory) if present else None

    @cached_property
    def vocab_size(self) -> int:
        """One more than the highest id."""
        return max(self._fast.get_vocab(with_added_tokens=True).values()) + 1

    @cached_property
    def longest_token_bytes(self) -> int:
        """Return the most bytes of text that one token stands for.

        A text of more bytes than a number of tokens times this has more tokens than that, which is
        known before any of it is tokenized: a byte-level BPE keeps every byte.
        """
        added = max((len(token.content.encode()) for token in self._added.values()), default=1)
        return max(added, *(len(self.token_bytes(token)) for token in range(self.vocab_size)))

    def encode(self, text: str) -> list[int]:
        """Ids of text, with the special tokens that the file puts around it."""
        return list(self._fast.encode(text).ids)

    def decode(self, token_ids: list[int]) -> str:
        """Text of ids, without special tokens; broken UTF-8 becomes U+FFFD."""
        return b"".join(map(self.token_bytes, token_ids)).decode("utf-8", errors="replace")

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that a token stands for; none for special tokens and unknown ids."""
        added = self._added.get(token_id)
        if added is not None:
            return b"" if added.special else added.content.encode()
        token = self._fast.id_to_token(token_id)
        return b"" if token is None else _to_bytes(token)

    def name(self, token_id: int) -> str:
        """How one token looks alone: a special token by name, broken UTF-8 as U+FFFD."""
        added = self._added.get(token_id)
        return added.content if added else self.decode([token_id])


class Detokenizer:
    """Text of one sample, token by token.

    Emits whole UTF-8 characters only, and holds back text that may yet become a stop string.
    """

    def __init__(self, tokenizer: Tokenizer, stop: tuple[str, ...] = ()) -> None:
        self._tokenizer = tokenizer
        self._stop = stop
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""
        self.stopped = False

    def push(self, token_id: int) -> str:
        """Take one more token and return the text that is now certain."""
        return self._release(self._decoder.decode(self._tokenizer.token_bytes(token_id)))

    def finish(self) -> str:
        """What is still held when the sample ends; nothing after a stop string."""
        if self.stopped:
            return ""
        text = self._release(self._decoder.decode(b"", final=True))
        text, self._held = text + self._held, ""
        return text

    def _release(self, text: str) -> str:
        if self.stopped:
            return ""
        text = self._held + text
        found = [text.find(stop) for stop in self._stop if stop in text]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = max((_overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of text that begins stop."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-ins for bytes: printable ones stand for themselves."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(byte): byte for byte in printable} | {
        chr(256 + n): byte for n, byte in enumerate(others)
    }


_BYTES = _byte_alphabet()


def _to_bytes(token: str) -> bytes:
    if all(character in _BYTES for character in token):
        return bytes(_BYTES[character] for character in token)
    return token.encode()  # a word that was added without the byte alphabet
