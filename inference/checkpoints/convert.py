"""A checkpoint in any known form, written anew as safetensors shards with hashes.

One tensor is in memory at a time; the source stays mapped. Interrupted, it goes on where it
stopped: what lies there already is held against its noted hashes, and written again if it isn't
what was written.
"""

import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from inference.checkpoints.companions import copy_companions
from inference.checkpoints.expected import expected_shapes
from inference.checkpoints.forms import find_form
from inference.checkpoints.manifest import Manifest, describe_source
from inference.checkpoints.safetensors_writer import Layout, write_tensors
from inference.checkpoints.source import (
    ReadOptions,
    Source,
    config_for,
    open_source,
    require_matches,
    require_undamaged,
)
from inference.checkpoints.stored import count
from inference.config import OptConfig
from inference.errors import CheckpointError
from inference.export import MAX_SHARD_BYTES, seal, shard_name, split_weights, write_whole
from inference.weight_files import DTYPE_CODES

SPARE_BYTES = 100_000_000  # for the small files, and for what a file system keeps to itself


@dataclass(frozen=True)
class ConvertOptions:
    """dtype: None keeps each weight's own. check_crc: read the source once more, for damage."""

    read: ReadOptions = field(default_factory=ReadOptions)
    dtype: torch.dtype | None = None
    max_shard_bytes: int = MAX_SHARD_BYTES
    check_crc: bool = True


@dataclass(frozen=True)
class Conversion:
    """What is to be written: every weight in one shard, in the order of the layouts."""

    source: Source
    config: OptConfig
    destination: Path
    shards: dict[str, Layout]
    check_crc: bool

    @property
    def source_bytes(self) -> int:
        """Of all the source's files."""
        return sum(path.stat().st_size for path in self.source.form.files.values())

    @property
    def total_bytes(self) -> int:
        """Of all tensors to be written."""
        return sum(layout_bytes(layout) for layout in self.shards.values())


@dataclass
class Outcome:
    """How many shards were written, and how many lay there and were right."""

    written: int = 0
    kept: int = 0


def prepare(source: Path, destination: Path, options: ConvertOptions) -> Conversion:
    """Open and check the source, and lay out what is to be written; writes nothing.

    Raises CheckpointError, ConfigError, and WeightMismatch with every weight that is wrong.
    """
    opened = open_source(find_form(source), options.read)
    config = config_for(opened, options.read)
    require_matches(opened, config, options.read.tolerance)
    shards = _lay_out(opened, config, options)
    return Conversion(opened, config, destination, shards, options.check_crc)


def convert(conversion: Conversion, advance: Callable[[str, int], None]) -> Outcome:
    """Write what isn't there yet. advance is told of bytes "checked" and "written".

    Raises CheckpointError for damaged files, another conversion's folder or a full disk.
    """
    folder = conversion.destination
    manifest, fresh = _manifest_of(conversion)
    _require_room(conversion)
    if fresh and conversion.check_crc:
        paths = list(conversion.source.form.files.values())
        require_undamaged(paths, lambda size: advance("checked", size))
    folder.mkdir(parents=True, exist_ok=True)
    manifest.save(folder)
    outcome = Outcome()
    for name, layout in conversion.shards.items():
        if manifest.holds(folder / name, layout):
            outcome.kept += 1
        else:
            _write_shard(conversion, manifest, name)
            outcome.written += 1
        advance("written", layout_bytes(layout))
    _finish(conversion)
    return outcome


def layout_bytes(layout: Layout) -> int:
    """Bytes of a shard's tensors."""
    return sum(count(shape) * dtype.itemsize for dtype, shape in layout.values())


def _lay_out(source: Source, config: OptConfig, options: ConvertOptions) -> dict[str, Layout]:
    layout = {
        name: (options.dtype or source.weights[name].dtype, shape)
        for name, shape in expected_shapes(config).items()
    }
    unknown = sorted({str(dtype) for dtype, _ in layout.values()} - set(map(str, DTYPE_CODES)))
    if unknown:
        raise CheckpointError(f"weights in {', '.join(unknown)} are not written: give --dtype")
    sized = {
        name: torch.empty(shape, dtype=dtype, device="meta")
        for name, (dtype, shape) in layout.items()
    }
    least = math.ceil(layout_bytes(layout) / options.max_shard_bytes)
    pieces = split_weights(sized, least, options.max_shard_bytes)
    return {
        shard_name(number, len(pieces)): {name: layout[name] for name in names}
        for number, names in enumerate(pieces, start=1)
    }


def _manifest_of(conversion: Conversion) -> tuple[Manifest, bool]:
    """The folder's manifest and False where this conversion was begun before, else a new one."""
    folder, described = conversion.destination, describe_source(conversion.source.form)
    found = Manifest.find(folder) if folder.is_dir() else None
    if found is None:
        if folder.is_dir() and any(folder.iterdir()):
            raise CheckpointError(f"{folder} is not empty, and holds no conversion: give another")
        return Manifest(described), True
    if found.source != described:
        raise CheckpointError(
            f"{folder} holds a conversion of other files, or these changed since: remove it, or "
            "give another folder"
        )
    if {entry["file"] for entry in found.tensors.values()} - set(conversion.shards):
        raise CheckpointError(f"{folder} holds shards of another size: give the same options")
    return found, False


def _require_room(conversion: Conversion) -> None:
    folder = conversion.destination
    there = sum(
        layout_bytes(layout)
        for name, layout in conversion.shards.items()
        if (folder / name).is_file()
    )
    above = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    needed = conversion.total_bytes - there + SPARE_BYTES
    free = shutil.disk_usage(above).free
    if needed > free:
        raise CheckpointError(
            f"{needed / 1e9:,.1f} GB are to be written, and {above} has {free / 1e9:,.1f} GB free"
        )


def _write_shard(conversion: Conversion, manifest: Manifest, name: str) -> None:
    layout = conversion.shards[name]
    digests: dict[str, str] = {}

    def write(path: Path) -> None:
        digests.update(write_tensors(path, layout, _read(conversion.source, layout)))

    write_whole(conversion.destination / name, write)
    manifest.note(name, layout, digests)
    manifest.save(conversion.destination)


def _read(source: Source, layout: Layout) -> Iterator[Tensor]:
    for name, (dtype, _) in layout.items():
        yield source.weights[name].read().to(dtype)


def _finish(conversion: Conversion) -> None:
    where = {name: shard for shard, layout in conversion.shards.items() for name in layout}
    dtypes = [dtype for layout in conversion.shards.values() for dtype, _ in layout.values()]
    commonest = max(set(dtypes), key=dtypes.count)
    folder = conversion.destination
    copy_companions(conversion.source.form.folder, folder)
    seal(folder, conversion.config, where, conversion.total_bytes, commonest)
