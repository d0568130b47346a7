"""Recognise pickles by their bytes, whatever they are called, and never unpickle them.

Known are: pickles of every protocol, alone, compressed (gzip, zlib, bzip2, xz) or in a zip, as
torch saves them; and numpy arrays of objects, alone or in an npz. At most a few megabytes are read.
"""

from __future__ import annotations

import bz2
import io
import lzma
import pickletools
import re
import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO

HEAD_BYTES = 64 << 10
MOST_READ_BYTES = 4 << 20  # of a zip, whose directory lies at its end
MOST_OPCODES = 5000
MOST_ARRAYS = 500
NEWEST_PROTOCOL = 5
NAMES_ONLY_PICKLES_BEAR = (".pkl", ".pickle", ".joblib", ".dill")
"""Refused by name too: what reads them unpickles them, and knows more ways to compress them."""
FINDS_A_CLASS = frozenset({"GLOBAL", "INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"})
CALLS_IT = frozenset({"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"})
ZIP, NUMPY = b"PK\x03\x04", b"\x93NUMPY"
OBJECT_TYPE = re.compile(rb"['\"][|<>=]?O\d*['\"]")


def is_called_pickle(path: str) -> bool:
    return path.casefold().endswith(NAMES_ONLY_PICKLES_BEAR)


def holds_pickle(content: BinaryIO) -> bool:
    """Return True if a seekable file holds what a loader would unpickle."""
    head = content.read(HEAD_BYTES)
    if head.startswith(ZIP):
        return begins_as_pickle(head) or _zip_holds_pickle(content)
    return begins_as_pickle(head, whole=len(head) < HEAD_BYTES)


def begins_as_pickle(head: bytes, *, whole: bool = False) -> bool:
    """Tell by its first bytes whether a file is a pickle; ``whole`` where there are no more."""
    if head.startswith(ZIP):  # torch writes its pickle as the first entry
        name_length = int.from_bytes(head[26:28], "little")
        return is_called_pickle(head[30 : 30 + name_length].decode("utf-8", "replace"))
    return any(
        _is_pickle(start, whole=whole) or _is_array_of_objects(start)
        for start in (head, _decompressed(head))
    )


def _is_pickle(head: bytes, *, whole: bool) -> bool:
    """Tell whether the bytes are a pickle.

    With the header of a protocol, all that isn't proved to be something else is one. Without it, a
    text could begin like one: only what names a class and calls it is.
    """
    if not head:
        return False
    marked = head[0] == 0x80 and len(head) > 1 and head[1] <= NEWEST_PROTOCOL
    seen, is_pickle_so_far = _opcodes(head)
    if marked:
        return is_pickle_so_far
    return bool(seen & FINDS_A_CLASS and seen & CALLS_IT)


def _opcodes(head: bytes) -> tuple[set[str], bool]:
    """Return the known opcodes at the beginning, and False where an unknown one ends them."""
    seen: set[str] = set()
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(head)):
            if number == MOST_OPCODES or not _is_credible(opcode.name, argument):
                break
            seen.add(opcode.name)
    except ValueError as error:
        # The end of the head may also cut an opcode in two, which proves nothing.
        return seen, "unknown" not in str(error)
    return seen, True


def _is_credible(opcode: str, argument: object) -> bool:
    """Tell whether an opcode's class is named by identifiers, as no line of prose is."""
    if opcode not in ("GLOBAL", "INST"):
        return True
    return all(part.isidentifier() for part in re.split(r"[ .]", str(argument)))


def _is_array_of_objects(head: bytes) -> bool:
    if not head.startswith(NUMPY):
        return False
    description, _, _ = head[8:].partition(b"fortran_order")
    return OBJECT_TYPE.search(description) is not None


DECOMPRESSORS: tuple[tuple[re.Pattern[bytes], Callable[[bytes], bytes]], ...] = (
    (
        re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]"),
        lambda head: zlib.decompressobj(wbits=47).decompress(head, HEAD_BYTES),  # either header
    ),
    (re.compile(rb"BZh[1-9]"), lambda head: bz2.BZ2Decompressor().decompress(head, HEAD_BYTES)),
    (
        re.compile(rb"\xfd7zXZ\x00|\x5d\x00\x00"),
        lambda head: lzma.LZMADecompressor(memlimit=128 << 20).decompress(head, HEAD_BYTES),
    ),
)


def _decompressed(head: bytes) -> bytes:
    """Return the beginning of compressed data; b"" where none is, or it can't be read."""
    for magic, decompress in DECOMPRESSORS:
        if magic.match(head):
            try:
                return decompress(head)
            except (zlib.error, OSError, ValueError, lzma.LZMAError):
                return b""
    return b""


class Bounded(io.RawIOBase):
    """A file of which only so many bytes may be read; after them, BadZipFile is raised."""

    def __init__(self, content: BinaryIO, most_bytes: int = MOST_READ_BYTES) -> None:
        self._content, self._left = content, most_bytes

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._content.seek(offset, whence)

    def tell(self) -> int:
        return self._content.tell()

    def read(self, size: int = -1) -> bytes:
        chunk = self._content.read(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= len(chunk)
        if self._left < 0:
            raise zipfile.BadZipFile
        return chunk


def _zip_holds_pickle(content: BinaryIO) -> bool:
    """Tell by its directory whether a zip holds a pickle.

    One that can't be read, or is too large, counts as holding one: torch's reader may be less
    strict than ours.
    """
    try:
        with zipfile.ZipFile(Bounded(content)) as archive:
            names = [entry.filename for entry in archive.infolist()]
            if any(is_called_pickle(name) for name in names):
                return True
            arrays = [name for name in names if name.casefold().endswith(".npy")]
            return len(arrays) > MOST_ARRAYS or any(_entry(archive, name) for name in arrays)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, zlib.error):
        return True


def _entry(archive: zipfile.ZipFile, name: str) -> bool:
    with archive.open(name) as array:
        return _is_array_of_objects(array.read(1024))
