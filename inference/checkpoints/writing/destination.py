"""Check the folder that a conversion writes: what is there, and whether the rest has room."""

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from inference.checkpoints.sources.forms import Form
from inference.checkpoints.writing.companions import TEMPLATES
from inference.errors import CheckpointError
from inference.file_lock import lock_file
from inference.model.export import PART_SUFFIX
from inference.model.manifest import Manifest
from inference.model.safetensors_writer import ShardLayout, layout_bytes
from inference.model.weight_files import DTYPE_CODES

NAMED_AT_MOST = 20
SPARE_BYTES = 100_000_000  # for the small files, and for what a file system keeps to itself


def require_apart(source: Path, destination: Path) -> None:
    """Refuse a destination within the source, of which it would be a part the next time.

    Raises CheckpointError.
    """
    if destination.resolve().is_relative_to(source.resolve()):
        raise CheckpointError(f"{destination} is the source or lies in it: give a folder elsewhere")


def find_begun(
    form: Form, folder: Path, shards: dict[str, ShardLayout], dtype: torch.dtype | None
) -> tuple[Manifest, bool]:
    """Return the folder's manifest and True if this conversion was begun, else a new one and False.

    Raises CheckpointError where something else lies there.
    """
    described = _describe_source(form, dtype)
    manifest = Manifest.find(folder) if folder.is_dir() else None
    if manifest is None:
        if folder.exists() and not folder.is_dir():
            raise CheckpointError(f"{folder} is a file: give a folder")
        if folder.is_dir() and any(folder.iterdir()):
            raise CheckpointError(f"{folder} is not empty, and holds no conversion: give another")
        return Manifest(described), False
    if manifest.source != described:
        raise CheckpointError(
            f"{folder} holds a conversion of other files or to another dtype, or the files changed "
            "since: remove it, or give another folder"
        )
    if {entry["file"] for entry in manifest.tensors.values()} - set(shards):
        raise CheckpointError(f"{folder} holds shards of another size: give the same options")
    return manifest, True


def require_no_others(folder: Path, own: Collection[str]) -> None:
    """Refuse a folder with files that this conversion doesn't write.

    They are of the source as it was before, or of another one with the same weights, and would
    speak for the result. Raises CheckpointError naming them.
    """
    names = sorted(
        str(path.relative_to(folder))
        for path in (*folder.glob("*"), *folder.glob(f"{TEMPLATES}/*"))
        if path.is_file() and not path.name.startswith(".") and path.suffix != PART_SUFFIX
    )
    others = [name for name in names if name not in own]
    if others:
        raise CheckpointError(
            f"{folder} holds what this conversion doesn't write, and what would change its result: "
            f"{', '.join(others[:NAMED_AT_MOST])}{' …' * (len(others) > NAMED_AT_MOST)}. Move it "
            "away, or give another folder"
        )


def require_disk_space(folder: Path, shards: dict[str, ShardLayout]) -> None:
    """Raise CheckpointError where the disk has no room for the shards that aren't there yet."""
    there = sum(
        layout_bytes(layout) for name, layout in shards.items() if (folder / name).is_file()
    )
    above = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    needed = sum(map(layout_bytes, shards.values())) - there + SPARE_BYTES
    free = shutil.disk_usage(above).free
    if needed > free:
        raise CheckpointError(
            f"{needed / 1e9:,.1f} GB are to be written, and {above} has {free / 1e9:,.1f} GB free"
        )


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Make the folder and keep other conversions out, by a lock that ends with the process.

    Raises CheckpointError where one is at work. A file system without locks keeps nobody out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        lock_file(handle)
    except BlockingIOError:
        raise CheckpointError(
            f"another conversion is writing {folder}: wait until it ends, or stop it"
        ) from None


def _describe_source(form: Form, dtype: torch.dtype | None) -> dict[str, Any]:
    """Describe a source without reading it: its files' names, sizes and times, and the dtype."""
    stats = [(path.name, path.stat()) for path in form.files.values()]
    files = [
        {"name": name, "size_bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}
        for name, stat in sorted(stats)
    ]
    cast = {} if dtype is None else {"dtype": DTYPE_CODES[dtype]}
    return {"form": form.kind, "files": files, **cast}
