"""Collect what the trainer learns from: the standard library's sources, present in every Python."""

import hashlib
import os
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SKIPPED_FOLDERS = frozenset(
    {"test", "tests", "idlelib", "idle_test", "site-packages", "dist-packages", "lib2to3"}
    | {"turtledemo", "encodings", "ensurepip", "msilib", "__pycache__"}
)
HELD_OUT_EVERY = 40  # one file in so many is kept for evaluation
LEAST_BYTES = 1024  # a shorter file, held out alone, would hold no window to evaluate on


@dataclass(frozen=True)
class Corpus:
    """The texts to learn from and those held out, with the digest that identifies them."""

    learned: list[str]
    held_out: list[str]
    size_bytes: int
    sha256: str

    @property
    def files(self) -> int:
        """Number of files."""
        return len(self.learned) + len(self.held_out)


def collect_corpus(limit_bytes: int) -> Corpus:
    """Collect standard library sources up to limit_bytes, the same ones on every call."""
    root = Path(sysconfig.get_paths()["stdlib"])
    texts, size, digest = [], 0, hashlib.sha256()
    # in an order by hash, so that a small limit still gets sources from everywhere
    for path in sorted(_sources(root), key=lambda path: _shuffled(path.relative_to(root))):
        if size + path.stat().st_size > limit_bytes:
            continue
        content = path.read_bytes()
        texts.append(content.decode("utf-8", errors="replace"))
        size += len(content)
        digest.update(content)
    held_out = texts[::HELD_OUT_EVERY]
    learned = [text for n, text in enumerate(texts) if n % HELD_OUT_EVERY]
    return Corpus(learned, held_out, size, digest.hexdigest())


def _sources(root: Path) -> Iterator[Path]:
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if name not in SKIPPED_FOLDERS]
        paths = (Path(folder, name) for name in names if name.endswith(".py"))
        yield from (path for path in paths if _is_long_enough(path))


def _is_long_enough(path: Path) -> bool:
    """Return False for a link to nowhere too, which some distributions have among their sources."""
    return path.is_file() and path.stat().st_size >= LEAST_BYTES


def _shuffled(path: Path) -> str:
    return hashlib.sha256(path.as_posix().encode()).hexdigest()
