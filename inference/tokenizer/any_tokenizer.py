"""Read the tokenizer of a model of any architecture, as its tokenizer.json has it. No torch.

OPT's folders are read as AutoTokenizer reads them. Of others the file is taken as it stands: its
post-processor says which special tokens go around a text.
"""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as FastTokenizer

from inference.errors import TokenizerError
from inference.model_files.config_checks import is_opt_folder
from inference.tokenizer.files import FILE_NAME, parse_tokenizer
from inference.tokenizer.tokenizer import Tokenizer

BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
SPACE = "\u2581"  # how SentencePiece spells a blank
BYTE_LEVEL = "ByteLevel"
SPELLED = frozenset({"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"})
# A normalizer may fold several characters into one, so that a token stands for more text.
FOLDED = 4


class FileTokenizer(Tokenizer):
    """A byte-level BPE, or one that spells blanks as SentencePiece does. Raises TokenizerError."""

    def __init__(self, fast: FastTokenizer) -> None:
        self._fast = fast
        self._added = fast.get_added_tokens_decoder()
        kinds = set(_kinds(fast))
        self._byte_level = BYTE_LEVEL in kinds
        if not self._byte_level and not (kinds and kinds <= SPELLED):
            raise TokenizerError(
                f"tokenizer.json decodes by {', '.join(sorted(kinds)) or 'nothing'}: known are "
                "byte-level BPEs, and those that spell blanks as SentencePiece does"
            )
        self._strips = bool(kinds & {"Strip", "Metaspace"})

    @classmethod
    def from_directory(cls, directory: str | Path) -> "FileTokenizer":
        """Read a folder's tokenizer.json as it stands. Raises TokenizerError."""
        return cls(parse_tokenizer(Path(directory) / FILE_NAME))

    @cached_property
    def longest_token_bytes(self) -> int:
        """Largest number of bytes of text that one token stands for."""
        return FOLDED * super().longest_token_bytes

    def decode(self, token_ids: list[int], *, special_tokens: bool = False) -> str:
        """Return the text of ids; broken UTF-8 becomes U+FFFD.

        Special tokens are left out, or written by their names. A blank that the tokenizer itself
        put before the text is left out too.
        """
        text = super().decode(token_ids, special_tokens=special_tokens)
        return text.removeprefix(" ") if self._strips and not special_tokens else text

    def token_bytes(self, token_id: int) -> bytes:
        """Return the bytes that a token stands for; none for special tokens and unknown ids."""
        if self._byte_level or token_id in self._added:
            return super().token_bytes(token_id)
        token = self._fast.id_to_token(token_id)
        if token is None:
            return b""
        if byte := BYTE.fullmatch(token):
            return bytes.fromhex(byte[1])
        return str(token).replace(SPACE, " ").encode()

    def name(self, token_id: int) -> str:
        """Return how one token looks alone: a special token's name, or its text."""
        added = self._added.get(token_id)
        if added:
            return str(added.content)
        return self.token_bytes(token_id).decode("utf-8", errors="replace")


def find_tokenizer(directory: str | Path) -> Tokenizer | None:
    """Read a folder's tokenizer; None where it has none, or none that is known here."""
    folder = Path(directory)
    if is_opt_folder(folder):
        return Tokenizer.find(folder)
    if not (folder / FILE_NAME).is_file():
        return None
    return FileTokenizer.from_directory(folder)


def _kinds(fast: FastTokenizer) -> Iterator[str]:
    """Yield the kinds of decoders that a tokenizer chains."""
    if fast.decoder is not None:
        yield from _flat(json.loads(fast.decoder.__getstate__()))


def _flat(decoder: dict[str, Any]) -> Iterator[str]:
    if decoder["type"] == "Sequence":
        for part in decoder["decoders"]:
            yield from _flat(part)
    else:
        yield decoder["type"]
