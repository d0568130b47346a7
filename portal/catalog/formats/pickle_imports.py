"""Tell what a pickle would import when it is loaded, by its opcodes; nothing is unpickled.

Two readers give their opinion. Ours follows the stack and allows only the names that saved tensors
need. picklescan knows the names by which pickles have run code before. What either can't follow
counts as able to import anything.
"""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from django.db.models import TextChoices
from picklescan.scanner import SafetyLevel, scan_pickle_bytes

from portal.catalog.formats.pickles import ZIP, Bounded, is_called_pickle

MOST_DIRECTORY_BYTES = 32 << 20
MOST_PICKLE_BYTES = 16 << 20  # the largest models' lists of tensors take 2 MB
MOST_OPCODES = 500_000
MOST_PICKLES = 16
TENSORS = re.compile(
    r"collections\.OrderedDict"
    r"|torch\.\w+Storage|torch\.storage\.(Untyped|Typed)Storage"
    r"|torch\._utils\._rebuild_(tensor(_v[23])?|parameter|qtensor|sparse_tensor)"
    r"|torch\.(Size|device|dtype|Tensor|serialization\._get_layout|nn\.parameter\.Parameter)"
    r"|torch\.(float|bfloat|int|uint|complex)\d+(_\w+)?|torch\.(bool|double|float|half|int|long)"
    r"|numpy\.(ndarray|dtype)|numpy\.(_?core)\.multiarray\.(_reconstruct|scalar)"
    r"|_codecs\.encode|(builtins|__builtin__)\.(set|frozenset|bytearray|complex)"
)
"""The names that a file of tensors may import, whole."""
PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
CODES = frozenset({"EXT1", "EXT2", "EXT4"})  # numbers for names, which only the loader knows
MARK = object()
MARKED = b"\x80"  # begins every pickle since protocol 2


class Safety(TextChoices):
    """The danger of loading a pickle."""

    TENSORS = "tensors", "imports only what tensors need"
    CODE = "code", "imports other code"
    DANGEROUS = "dangerous", "imports what can run anything"


@dataclass(frozen=True)
class PickleImports:
    """The names that a file's pickles import, and those of them that are dangerous.

    ``is_unreadable``: some of it can't be followed, so that it may import anything else too.
    """

    names: tuple[str, ...] = ()
    dangerous: tuple[str, ...] = ()
    is_unreadable: bool = False

    @property
    def safety(self) -> Safety:
        if self.dangerous:
            return Safety.DANGEROUS
        is_known = not self.is_unreadable and all(map(TENSORS.fullmatch, self.names))
        return Safety.TENSORS if is_known else Safety.CODE

    @property
    def unusual(self) -> list[str]:
        """List the names that tensors don't need."""
        return [name for name in self.names if not TENSORS.fullmatch(name)]


class Unreadable(Exception):
    """An error for a pickle whose imports can't be followed."""


def imports_of(content: BinaryIO) -> PickleImports:
    """Read what the pickles of a seekable file import: alone, in a row, or in a zip as torch's."""
    names: set[str] = set()
    dangerous: set[str] = set()
    try:
        for pickle in _pickles(content):
            names |= set(_imported(pickle))
            dangerous |= _dangerous(pickle)
    except (Unreadable, zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError):
        return PickleImports(tuple(sorted(names)), tuple(sorted(dangerous)), is_unreadable=True)
    return PickleImports(tuple(sorted(names)), tuple(sorted(dangerous)))


def _pickles(content: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of each pickle. Raise Unreadable for a file that can't be taken apart."""
    content.seek(0)
    if content.read(len(ZIP)) != ZIP:
        content.seek(0)
        yield from _in_a_row(content)
        return
    # The zip is bounded as a whole, so that neither its directory nor an entry fills the memory.
    with zipfile.ZipFile(Bounded(content, MOST_DIRECTORY_BYTES)) as archive:
        yield from _in_zip(archive)


def _in_zip(archive: zipfile.ZipFile) -> Iterator[bytes]:
    left = MOST_PICKLE_BYTES
    for entry in archive.infolist():
        if entry.filename.casefold().endswith(".npy"):
            raise Unreadable  # an array of objects, pickled behind a header of its own
        with archive.open(entry) as part:
            head = part.read(1)
            if not is_called_pickle(entry.filename) and head != MARKED:
                continue
            pickle = head + part.read(left + 1)
        left -= len(pickle)
        if left < 0:
            raise Unreadable
        yield pickle


def _in_a_row(content: BinaryIO) -> Iterator[bytes]:
    """Yield pickles that follow each other, as torch wrote them before its zips."""
    data = io.BytesIO(content.read(MOST_PICKLE_BYTES))
    for number in range(MOST_PICKLES):
        start = data.tell()
        try:
            for count, _ in enumerate(pickletools.genops(data)):
                if count > MOST_OPCODES:
                    raise Unreadable
        except ValueError as error:
            if number == 0:
                raise Unreadable from error
            return  # what follows the pickles: torch's own bytes
        yield data.getvalue()[start : data.tell()]
    raise Unreadable


@dataclass
class _Stack:
    """The values of a pickle's stack as far as they are texts, and its memo."""

    values: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def apply(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        """Do to the stack what an opcode does. Raise Unreadable where it can't be done."""
        if opcode.name in PUTS:
            self.memo[int(argument)] = self.top()
        elif opcode.name == "MEMOIZE":
            self.memo[len(self.memo)] = self.top()
        elif opcode.name in GETS:
            self.values.append(self.memo.get(int(argument)))
        else:
            self._pop(opcode)
            self._push(opcode, argument)

    def top(self) -> Any:
        if not self.values:
            raise Unreadable
        return self.values[-1]

    def _pop(self, opcode: pickletools.OpcodeInfo) -> None:
        before = opcode.stack_before
        if pickletools.markobject in before:
            while self.top() is not MARK:
                self.values.pop()
            self.values.pop()
            before = before[: before.index(pickletools.markobject)]
        for _ in before:
            self.top()
            self.values.pop()

    def _push(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        for kind in opcode.stack_after:
            is_mark = kind is pickletools.markobject
            text = argument if isinstance(argument, str) and not opcode.stack_before else None
            self.values.append(MARK if is_mark else text)


def _imported(pickle: bytes) -> Iterator[str]:
    """Yield the names that a pickle imports. Raise Unreadable where one can't be known."""
    stack = _Stack()
    for count, (opcode, argument, _) in enumerate(pickletools.genops(pickle)):
        if count > MOST_OPCODES or opcode.name in CODES:
            raise Unreadable
        if opcode.name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".", 1)
        elif opcode.name == "STACK_GLOBAL":
            module_and_name = stack.values[-2:]
            if len(module_and_name) < 2 or not all(
                isinstance(value, str) for value in module_and_name
            ):
                raise Unreadable
            yield ".".join(module_and_name)
        stack.apply(opcode, argument)


def _dangerous(pickle: bytes) -> set[str]:
    """Return the names in a pickle that picklescan knows to run code."""
    imports = scan_pickle_bytes(io.BytesIO(pickle), "pickle").globals
    return {
        f"{name.module}.{name.name}" for name in imports if name.safety == SafetyLevel.Dangerous
    }
