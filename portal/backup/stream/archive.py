"""A backup as a tar, of parts that are as long as they turn out to be.

A part is a folder of pieces, since a tar has to know the size of a file before its bytes. The last
file, ``end.json``, has the size and hash of each part: a stream without it was cut. The usual tools
read it too: ``age -d … | tar -x``, then ``cat database/* | pg_restore``.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, Any

from portal.backup.errors import BackupFailed

PIECE_BYTES = 4 << 20
BLOCK = 512
MANIFEST, END = "manifest", "end"
CUT = "The backup is cut short: its end is missing. Take another one."


class Packing:
    """The writing of an archive, as the pieces of its bytes."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.parts: dict[str, dict[str, Any]] = {}

    def part(self, name: str, content: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a part, whose content comes in pieces of any size."""
        digest, size = hashlib.sha256(), 0
        for number, piece in enumerate(_even(content), start=1):
            digest.update(piece)
            size += len(piece)
            yield from self._file(f"{name}/{number:06}", piece)
        self.parts[name] = {"size_bytes": size, "sha256": digest.hexdigest()}

    def end(self) -> Iterator[bytes]:
        yield from self._file(f"{END}/000001", json.dumps(self.parts).encode())
        yield bytes(2 * BLOCK)

    def _file(self, name: str, content: bytes) -> Iterator[bytes]:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = len(content), 0o600, int(self.at.timestamp())
        yield info.tobuf(tarfile.USTAR_FORMAT)
        yield content
        yield bytes(-len(content) % BLOCK)


def _even(content: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in pieces of one size, the last one shorter; one at least."""
    buffer = bytearray()
    is_empty = True
    for piece in content:
        buffer += piece
        while len(buffer) >= PIECE_BYTES:
            yield bytes(buffer[:PIECE_BYTES])
            del buffer[:PIECE_BYTES]
            is_empty = False
    if buffer or is_empty:
        yield bytes(buffer)


def unpacked(stream: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield each piece with the name of its part, in order, and check all of it on the way.

    Raise BackupFailed for what is cut short, altered or no backup: at the end at the latest.
    """
    parts: dict[str, dict[str, Any]] = {}
    digests: dict[str, Any] = {}
    expected: dict[str, Any] | None = None
    for name, piece in _files(stream):
        if name == END:
            expected = json.loads(piece)
            continue
        digest = digests.setdefault(name, hashlib.sha256())
        digest.update(piece)
        size = parts.get(name, {"size_bytes": 0})["size_bytes"] + len(piece)
        parts[name] = {"size_bytes": size}
        yield name, piece
    if expected is None:
        raise BackupFailed(CUT)
    read = {name: parts[name] | {"sha256": digests[name].hexdigest()} for name in parts}
    if read != expected:
        raise BackupFailed("The backup was altered: its parts don’t match the list at its end.")


def _files(stream: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is None or member.size > PIECE_BYTES:
                    raise BackupFailed("This is no backup of Weightgate.")
                yield member.name.rpartition("/")[0], file.read()
                archive.members.clear()  # type: ignore[attr-defined]
    except tarfile.TarError as error:
        raise BackupFailed(f"The backup can’t be read: {error}") from error


class PiecesReader(io.RawIOBase):
    """A file to read from, whose bytes come as pieces. No more than one of them is held."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = memoryview(piece)
        cut = len(self._rest) if size < 0 else size
        chunk, self._rest = self._rest[:cut], self._rest[cut:]
        return bytes(chunk)
