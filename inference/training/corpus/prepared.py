"""Read a prepared corpus: token files mapped into memory, and sequences cut from them."""

import hashlib
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from inference.errors import TrainError
from inference.model.export import write_json
from inference.model_files.json_files import read_object
from inference.training.corpus.order import sequences_at
from inference.training.corpus.windows import Windows

ABOUT_NAME = "corpus.json"  # written last: a folder that has it is complete
LEARNED_NAME, HELD_OUT_NAME = "learned.tokens", "held-out.tokens"
HELD_OUT_SHARE = 0.005  # of the sequences, where documents held out whole don't make up one


@dataclass(frozen=True)
class AboutCorpus:
    """The facts of a prepared corpus; corpus.json's object.

    dtype: of the token files. border: the id before each document. asked: the options and a
    fingerprint of the sources. sha256: of both token files, by name.
    """

    dtype: str
    vocab_size: int
    border: int
    files: int
    size_bytes: int
    documents: int
    held_out_documents: int
    tokens: int
    held_out_tokens: int
    used_ids: int
    asked: dict[str, Any]
    sha256: dict[str, str]

    @property
    def digest(self) -> str:
        """Return one digest of all tokens and their border."""
        joined = "".join(self.sha256[name] for name in sorted(self.sha256))
        return hashlib.sha256(f"{joined}{self.border}".encode()).hexdigest()

    def write(self, directory: Path) -> None:
        """Write corpus.json, whole or not at all."""
        write_json(directory / ABOUT_NAME, asdict(self))


def is_prepared(directory: Path) -> bool:
    """Tell whether a folder holds a complete prepared corpus."""
    return (directory / ABOUT_NAME).is_file()


def read_about(directory: Path) -> AboutCorpus:
    """Read corpus.json. Raises TrainError where the trainer didn't write it so."""
    path = directory / ABOUT_NAME
    try:
        about = AboutCorpus(**read_object(path, TrainError))
    except TypeError as error:
        raise TrainError(f"{path} is not as `prepare` writes it ({error}): prepare anew") from None
    itemsize = np.dtype(about.dtype).itemsize
    for name, tokens in ((LEARNED_NAME, about.tokens), (HELD_OUT_NAME, about.held_out_tokens)):
        file = directory / name
        if not file.is_file() or file.stat().st_size != tokens * itemsize:
            raise TrainError(f"{file} is gone, or not of {tokens:,} tokens: prepare anew")
    return about


class PackedSequences:
    """Sequences of one length, cut from documents that lie one after another.

    A sequence may hold the end of one document and the beginning of the next, with the border
    between them; attention isn't cut there, as in OPT's training.
    """

    def __init__(self, tokens: NDArray[Any], length: int) -> None:
        self._tokens, self.length = tokens, length
        self.count = max((len(tokens) - 1) // length, 0)

    def windows(self, numbers: NDArray[np.uint64]) -> Windows:
        """Read sequences by their numbers; targets are the tokens one further on."""
        starts = numbers.astype(np.int64) * self.length
        rows = [self._tokens[start : start + self.length + 1] for start in starts.tolist()]
        read = torch.from_numpy(np.stack(rows).astype(np.int64))  # [sequences, length + 1]
        positions = torch.arange(self.length).repeat(len(rows))
        return Windows(
            read[:, :-1].flatten(), read[:, 1:].flatten(), positions, len(rows), self.length
        )

    def first(self, count: int) -> "PackedSequences":
        """Return the first sequences alone."""
        return PackedSequences(self._tokens[: count * self.length + 1], self.length)

    def last(self, count: int) -> "PackedSequences":
        """Return the last sequences alone."""
        start = (self.count - count) * self.length
        return PackedSequences(self._tokens[start:], self.length)


class PreparedCorpus:
    """A prepared corpus, of which each step gets its sequences by seed and step alone."""

    def __init__(self, directory: Path, length: int) -> None:
        self.directory, self.about, self._length = directory, read_about(directory), length
        if self.learned.count < 1 or self.held_out.count < 1:
            held = self.about.tokens + self.about.held_out_tokens
            raise TrainError(
                f"the corpus holds {held:,} tokens, and a sequence to learn from and one held out "
                f"take {2 * length + 1:,}: give more text, or a shorter --sequence-length"
            )

    @cached_property
    def held_out(self) -> PackedSequences:
        """Sequences of the documents that are held out; of the corpus' end where those are few."""
        own = self._packed(HELD_OUT_NAME, self.about.held_out_tokens)
        return own if own.count else self._learnable.last(self._borrowed)

    @cached_property
    def learned(self) -> PackedSequences:
        """Sequences to learn from."""
        return self._learnable.first(self._learnable.count - self._borrowed)

    def step_windows(self, step: int, *, batch: int, seed: int, share: slice) -> Windows:
        """Read this rank's share of the sequences of a step."""
        places = np.arange(step * batch, (step + 1) * batch, dtype=np.uint64)[share]
        return self.learned.windows(sequences_at(places, self.learned.count, seed))

    def held_out_windows(self, first: int, count: int) -> Windows:
        """Read sequences of the held-out part, from a number on."""
        return self.held_out.windows(np.arange(first, first + count, dtype=np.uint64))

    @cached_property
    def _learnable(self) -> PackedSequences:
        return self._packed(LEARNED_NAME, self.about.tokens)

    @cached_property
    def _borrowed(self) -> int:
        own = self._packed(HELD_OUT_NAME, self.about.held_out_tokens)
        return 0 if own.count else max(int(self._learnable.count * HELD_OUT_SHARE), 1)

    def _packed(self, name: str, tokens: int) -> PackedSequences:
        path, dtype = self.directory / name, np.dtype(self.about.dtype)
        # an empty file can't be mapped
        mapped = np.memmap(path, dtype, mode="r") if tokens else np.empty(0, dtype)
        return PackedSequences(mapped, self._length)


def held_out_text(text: str, share: float) -> bool:
    """Tell whether a document is held out: by its own digest, wherever it lies and with whom."""
    digest = hashlib.sha256(text.encode("utf-8", errors="replace")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
