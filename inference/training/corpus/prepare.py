"""Tokenize sources once, into files that every later run maps into memory."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from tokenizers import Tokenizer as FastTokenizer

from inference.errors import TrainError
from inference.model.export import PART_SUFFIX
from inference.tokenizer.files import build_fast_tokenizer, has_tokenizer
from inference.training.corpus.prepared import (
    HELD_OUT_NAME,
    LEARNED_NAME,
    AboutCorpus,
    held_out_text,
    is_prepared,
    read_about,
)
from inference.training.corpus.sources import Sources
from inference.training.corpus.tokenizing import adopt_tokenizer, border_of, train_tokenizer

LEAST_VOCAB = 260  # every byte, and OPT's four special tokens
TOKENIZER_CHARACTERS = 256 * 2**20  # a tokenizer is trained on so much at most
BATCH_CHARACTERS = 4 * 2**20  # tokenized at once, on all processors
Say = Callable[[str], None]


@dataclass(frozen=True)
class PrepareOptions:
    """The options that decide the tokens: a tokenizer's folder, or the size of one to train."""

    tokenizer: Path | None = None
    vocab_size: int = 50_272
    held_out_share: float = 0.005

    def asked(self, sources: Sources) -> dict[str, Any]:
        """Return all that the tokens follow from, by name."""
        options = {name: str(value) for name, value in asdict(self).items() if value is not None}
        if self.tokenizer is not None:
            del options["vocab_size"]
        return options | {"sources": sources.fingerprint()}


def prepare(sources: Sources, options: PrepareOptions, directory: Path, say: Say) -> AboutCorpus:
    """Write a prepared corpus into a folder, unless it is there already.

    Raises TrainError for data that nothing can be learned from, or a folder of another corpus.
    """
    wanted = options.asked(sources)
    if is_prepared(directory):
        about = read_about(directory)
        if about.asked != wanted:
            raise TrainError(f"{directory} holds a corpus of other data or options: give another")
        say(f"{directory} holds this corpus already; nothing to do")
        return about
    directory.mkdir(parents=True, exist_ok=True)
    say(f"reading {len(sources.files):,} files, {sources.size_bytes:,} bytes")
    _make_tokenizer(sources, options, directory, say)
    about = _write_tokens(sources, options, directory)
    _require_documents(about)
    about.write(directory)
    say(
        f"{about.documents:,} documents, {about.tokens:,} tokens to learn from and "
        f"{about.held_out_tokens:,} held out; {about.used_ids:,} of {about.vocab_size:,} ids occur"
    )
    return about


def _make_tokenizer(sources: Sources, options: PrepareOptions, directory: Path, say: Say) -> None:
    if options.tokenizer is not None:
        if not has_tokenizer(options.tokenizer):
            raise TrainError(f"{options.tokenizer} holds no tokenizer; see --tokenizer")
        adopt_tokenizer(options.tokenizer, directory)
        return
    say(f"training a tokenizer of {options.vocab_size:,} entries")
    texts = _sample(sources.documents(), options.held_out_share)
    size = train_tokenizer(texts, options.vocab_size, directory).vocab_size
    if size < options.vocab_size:
        raise TrainError(
            f"the data bears a vocabulary of {size:,} entries, not of {options.vocab_size:,}: "
            f"give --vocab-size {size} or less, or more text"
        )


def _sample(documents: Iterable[str], held_out_share: float) -> Iterator[str]:
    """Yield documents to learn from, up to TOKENIZER_CHARACTERS."""
    characters = 0
    for text in documents:
        if not held_out_text(text, held_out_share):
            yield text
            characters += len(text)
        if characters > TOKENIZER_CHARACTERS:
            return


class _TokenFile:
    """A file of tokens that grows, with its digest."""

    def __init__(self, file: IO[bytes], dtype: np.dtype[Any]) -> None:
        self._file, self._dtype, self._digest = file, dtype, hashlib.sha256()
        self.documents = self.tokens = 0

    def append(self, ids: list[int]) -> None:
        content = np.array(ids, self._dtype).tobytes()
        self._file.write(content)
        self._digest.update(content)
        self.documents += 1
        self.tokens += len(ids)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _write_tokens(sources: Sources, options: PrepareOptions, directory: Path) -> AboutCorpus:
    fast, border = build_fast_tokenizer(directory), border_of(directory)
    vocab_size = max(fast.get_vocab(with_added_tokens=True).values()) + 1
    dtype = np.dtype("<u2" if vocab_size <= 2**16 else "<u4")
    used = np.zeros(vocab_size, bool)
    parts = {name: directory / f"{name}{PART_SUFFIX}" for name in (LEARNED_NAME, HELD_OUT_NAME)}
    with parts[LEARNED_NAME].open("wb") as first, parts[HELD_OUT_NAME].open("wb") as second:
        learned, held_out = _TokenFile(first, dtype), _TokenFile(second, dtype)
        for text, ids in _encoded(fast, sources.documents()):
            used[ids] = True
            file = held_out if held_out_text(text, options.held_out_share) else learned
            file.append([border, *ids])
    for name, part in parts.items():
        part.replace(directory / name)
    return AboutCorpus(
        dtype=dtype.str,
        vocab_size=vocab_size,
        border=border,
        files=len(sources.files),
        size_bytes=sources.size_bytes,
        documents=learned.documents,
        held_out_documents=held_out.documents,
        tokens=learned.tokens,
        held_out_tokens=held_out.tokens,
        used_ids=int(used.sum()),
        asked=options.asked(sources),
        sha256={LEARNED_NAME: learned.sha256, HELD_OUT_NAME: held_out.sha256},
    )


def _encoded(fast: FastTokenizer, documents: Iterable[str]) -> Iterator[tuple[str, list[int]]]:
    for texts in _batches(documents):
        encodings = fast.encode_batch_fast(texts, add_special_tokens=False)
        yield from ((text, list(one.ids)) for text, one in zip(texts, encodings, strict=True))


def _batches(documents: Iterable[str]) -> Iterator[list[str]]:
    texts: list[str] = []
    characters = 0
    for text in documents:
        texts.append(text)
        characters += len(text)
        if characters >= BATCH_CHARACTERS:
            yield texts
            texts, characters = [], 0
    if texts:
        yield texts


def _require_documents(about: AboutCorpus) -> None:
    if about.tokens + about.held_out_tokens == 0:
        raise TrainError(
            f"{about.files:,} files hold no text but blanks: there is nothing to learn; see --data"
        )
