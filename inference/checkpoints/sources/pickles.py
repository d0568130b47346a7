"""Read torch's .pt files as data: no pickle can run anything.

torch.load's own weights_only reader does the work. Objects that only a training framework needs,
such as its configuration, become Inert, which holds what was saved and does nothing.
"""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from threading import Event
from typing import Any

import torch
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from inference.errors import CheckpointError
from inference.model_files.lookalikes import lookalike_in, why_unreadable

INERT_NAMES = ("argparse.Namespace",)
INERT_PACKAGES = ("metaseq.", "fairseq.", "omegaconf.")
_MODULES = "torch.nn.modules."
_CHUNK_BYTES = 1 << 20


class Inert:
    """A stand-in for an object of a class that is not to be imported; holds its attributes."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments


def read_pickle(path: Path, inert: Sequence[str] = ()) -> Any:
    """Read the object in a .pt file; its tensors are mapped, and read when they are used.

    inert: further classes that may become Inert. Raises CheckpointError.
    """
    stand_in = lookalike_in(path)
    if stand_in is not None:
        raise CheckpointError(f"{path.name} is {stand_in}, not weights: fetch it again")
    if not zipfile.is_zipfile(path):
        raise CheckpointError(
            f"{path.name} is no zip archive: cut short while it was copied, or saved by "
            "torch before 1.6; fetch it again, or save it anew with torch.save"
        )
    try:
        named = get_unsafe_globals_in_checkpoint(path)
        _require_known(path, named, inert)
        with safe_globals([(Inert, name) for name in named]):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, UnpicklingError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path.name} {why_unreadable(path, error)}") from error


def damaged_records(path: Path, stopped: Event | None = None) -> list[str]:
    """Return the names of records whose bytes are not those that were written, by their CRC-32.

    A file of torch before 1.6 is no archive, and has no such sums; torch may have been told to
    leave them out, too (``set_crc32_options``), and then notes 0 for each record. Once stopped is
    set, no more is read.
    """
    if not zipfile.is_zipfile(path):
        return []
    damaged = []
    with zipfile.ZipFile(path) as archive:
        records = archive.infolist()
        if not any(record.CRC for record in records):
            return []
        for record in records:
            try:
                with archive.open(record) as file:
                    while not (stopped and stopped.is_set()) and file.read(_CHUNK_BYTES):
                        pass
            except (zipfile.BadZipFile, EOFError):
                damaged.append(record.filename)
    return damaged


def attributes(value: Any) -> Mapping[str, Any]:
    """Return the items of a mapping or the attributes of an Inert; nothing for other values."""
    if isinstance(value, Inert):
        return vars(value)
    return value if isinstance(value, Mapping) else {}


def _require_known(path: Path, named: Sequence[str], inert: Sequence[str]) -> None:
    unknown = sorted(
        name
        for name in named
        if name not in (*INERT_NAMES, *inert) and not name.startswith(INERT_PACKAGES)
    )
    if any(name.startswith(_MODULES) for name in unknown):
        raise CheckpointError(
            f"{path.name} holds a whole model, not weights by name: load it where its class is "
            "known, and save its state_dict()"
        )
    if unknown:
        raise CheckpointError(
            f"{path.name} holds objects that weights have no need of: {', '.join(unknown)}. If "
            "you know why, name each with --inert: it is then held as data, and never run"
        )
