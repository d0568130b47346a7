"""Decide which files go by LFS: those that ``.gitattributes`` names, and every large file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from portal.catalog.contents import LFS_FROM_BYTES, Content
from portal.catalog.formats.globs import matches
from portal.errors import Invalid
from portal.storage import blob_store

ATTRIBUTES = ".gitattributes"
LARGEST_BYTES = 100_000
MOST_LINES = 2000
# the patterns that the Hub itself puts into a new repo
PATTERNS = (
    "*.7z *.arrow *.bin *.bz2 *.ckpt *.ftz *.gguf *.gz *.h5 *.joblib *.lfs.* *.mlmodel *.model "
    "*.msgpack *.npy *.npz *.onnx *.ot *.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar "
    "*.safetensors saved_model/**/* *.tar.* *.tar *.tflite *.tgz *.wasm *.xz *.zip *.zst "
    "*tfevents*"
)
FIRST_ATTRIBUTES = "".join(
    f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in PATTERNS.split()
)


@dataclass(frozen=True)
class LfsRules:
    """A list of patterns, each with whether its files go by LFS; the last that matches decides."""

    lines: tuple[tuple[str, bool], ...]

    def is_lfs(self, path: str, size_bytes: int) -> bool:
        """Tell whether the file goes by LFS; an empty one never does: it comes in the commit."""
        if size_bytes == 0 or size_bytes >= LFS_FROM_BYTES:
            return size_bytes > 0
        parts = path.split("/")
        return next(
            (lfs for pattern, lfs in reversed(self.lines) if matches(parts, pattern)), False
        )


def rules_of(standing: Mapping[str, Content], sent: str = "") -> LfsRules:
    """Take the rules that come with a request, else those that a revision holds, else the Hub's."""
    attributes = standing.get(ATTRIBUTES)
    if sent:
        return parse_attributes(sent)
    if attributes is None or attributes.size_bytes > LARGEST_BYTES:
        return parse_attributes(FIRST_ATTRIBUTES)
    with blob_store().open(attributes.sha256) as content:
        return parse_attributes(content.read().decode("utf-8", "replace"))


def parse_attributes(text: str) -> LfsRules:
    """Read the lines of a ``.gitattributes`` that say something of ``filter``. Raises Invalid."""
    lines = text.splitlines()
    if len(text) > LARGEST_BYTES or len(lines) > MOST_LINES:
        raise Invalid(f"{ATTRIBUTES} may have up to {MOST_LINES} lines.", field="gitAttributes")
    return LfsRules(tuple(_parsed(lines)))


def _parsed(lines: list[str]) -> Iterator[tuple[str, bool]]:
    for line in lines:
        pattern, attributes = _split(line.strip())
        for attribute in attributes:
            if attribute.lstrip("-!").partition("=")[0] == "filter":
                yield pattern, attribute == "filter=lfs"


def _split(line: str) -> tuple[str, list[str]]:
    """Split a line into pattern and attributes; a pattern in quotes is read as a C string."""
    if not line or line.startswith(("#", "[attr]")):
        return "", []
    if line.startswith('"'):
        try:
            pattern, end = json.JSONDecoder().raw_decode(line)
        except ValueError:
            return "", []
        return str(pattern), line[end:].split()
    pattern, *attributes = line.split()
    return pattern, attributes
