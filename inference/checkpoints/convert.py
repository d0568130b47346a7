"""A checkpoint in any known form, written anew as safetensors shards with hashes.

One tensor is in memory at a time; the source stays mapped. Interrupted, it goes on where it
stopped: what lies there already is held against its noted hashes, and written again if it isn't
what was written.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from inference.checkpoints.casting import cast_sentence
from inference.checkpoints.examine import Rounding, examine
from inference.checkpoints.sources.expected import expected_shapes
from inference.checkpoints.sources.forms import find_form
from inference.checkpoints.sources.source import (
    ReadOptions,
    Source,
    config_for,
    open_source,
    require_matches,
    stated_config,
)
from inference.checkpoints.writing.companions import Companions, plan_companions
from inference.checkpoints.writing.configs import NAME as CONFIG_NAME
from inference.checkpoints.writing.configs import Configs, plan_configs
from inference.checkpoints.writing.destination import (
    find_begun,
    hold,
    require_apart,
    require_no_others,
    require_room,
)
from inference.config import OptConfig
from inference.model.export import (
    MAX_SHARD_BYTES,
    shard_name,
    split_weights,
    write_index,
    write_whole,
)
from inference.model.manifest import FILE_NAME as MANIFEST_NAME
from inference.model.manifest import Manifest
from inference.model.safetensors_writer import Layout, layout_bytes, write_tensors
from inference.model.weight_files import INDEX_NAME


@dataclass(frozen=True)
class ConvertOptions:
    """The choices of a conversion.

    dtype: None keeps each weight's own. check_crc: hold the bytes against their sums.
    """

    read: ReadOptions = field(default_factory=ReadOptions)
    dtype: torch.dtype | None = None
    max_shard_bytes: int = MAX_SHARD_BYTES
    check_crc: bool = True


@dataclass(frozen=True)
class Conversion:
    """A plan of all that is to be written: each weight in one shard, in the order of the layouts.

    manifest: what lies in the destination already; begun: whether any of this was written before.
    """

    source: Source
    destination: Path
    shards: dict[str, Layout]
    configs: Configs
    companions: Companions
    manifest: Manifest
    begun: bool
    check_crc: bool

    @property
    def source_bytes(self) -> int:
        """Return the bytes of all the source's files."""
        return sum(path.stat().st_size for path in self.source.form.files.values())

    @property
    def total_bytes(self) -> int:
        """Return the bytes of all tensors to be written."""
        return sum(layout_bytes(layout) for layout in self.shards.values())

    @property
    def changed(self) -> list[str]:
        """Return a sentence for all that isn't in the result as it is in the source."""
        before = {name: weight.dtype for name, weight in self.source.weights.items()}
        casts = Counter(
            (_name(before[name]), _name(dtype))
            for layout in self.shards.values()
            for name, (dtype, _) in layout.items()
            if dtype != before[name]
        )
        return [
            *(f"{alias} isn't stored: it is {name}" for alias, name in self.source.aliases.items()),
            *self.source.changed,
            *(cast_sentence(n, was, now) for (was, now), n in casts.items()),
            *self.configs.changed,
        ]

    @property
    def copied(self) -> list[str]:
        """Return the names of the files that are the source's, byte for byte."""
        return [*self.configs.copied_files, *self.companions.copied]

    @property
    def made(self) -> list[str]:
        """Return the names of the files beside the shards that no file of the source became."""
        made = [*self.configs.made_files, *self.companions.tokenizer.made]
        return [*made, INDEX_NAME, MANIFEST_NAME]

    @property
    def files(self) -> set[str]:
        """Return the names of all files of the result."""
        return {*self.shards, *self.copied, *self.made, CONFIG_NAME}


@dataclass
class Outcome:
    """The numbers of shards that were written, and that lay there and were right.

    rounding: what the dtype asked for cost, where it costs anything and was looked for now.
    """

    written: int = 0
    kept: int = 0
    rounding: Rounding | None = None


def prepare(source: Path, destination: Path, options: ConvertOptions) -> Conversion:
    """Open and check all but the numbers, and lay out what is to be written; writes nothing.

    Raises CheckpointError, ConfigError, TokenizerError, and WeightMismatch with every weight that
    is wrong.
    """
    form = find_form(source)
    require_apart(form.folder, destination)
    stated_config(form, options.read)  # another kind of model is refused as such, not by its names
    opened = open_source(form, options.read)
    config = config_for(opened, options.read)
    require_matches(opened, config, options.read.tolerance)
    shards = _lay_out(opened, config, options)
    manifest, begun = find_begun(form, destination, shards, options.dtype)
    require_room(destination, shards)
    dtypes = [dtype for layout in shards.values() for dtype, _ in layout.values()]
    conversion = Conversion(
        source=opened,
        destination=destination,
        shards=shards,
        configs=plan_configs(opened, config, options.read, options.dtype, dtypes),
        companions=plan_companions(form, config),
        manifest=manifest,
        begun=begun,
        check_crc=options.check_crc,
    )
    if begun:
        require_no_others(destination, conversion.files)
    return conversion


def convert(conversion: Conversion, advance: Callable[[str, int], None]) -> Outcome:
    """Read the source once, then write what isn't there yet.

    advance is told of bytes "checked" and "written". What was begun before was read then. Raises
    CheckpointError for damage, numbers that can't be converted, and files that can't be written.
    """
    outcome = Outcome()
    if not conversion.begun:
        outcome.rounding = examine_numbers(conversion, advance)
    with hold(conversion.destination):
        _write(conversion, outcome, advance)
    return outcome


def examine_numbers(conversion: Conversion, advance: Callable[[str, int], None]) -> Rounding | None:
    """Read the source once and return what a cast loses; advance is told of bytes "checked".

    Raises CheckpointError for damage, and for numbers that can't be converted.
    """
    dtypes = {n: dtype for layout in conversion.shards.values() for n, (dtype, _) in layout.items()}
    return examine(
        conversion.source,
        dtypes,
        check_crc=conversion.check_crc,
        advance=lambda size: advance("checked", size),
    )


def _lay_out(source: Source, config: OptConfig, options: ConvertOptions) -> dict[str, Layout]:
    layout = {
        name: (options.dtype or source.weights[name].dtype, shape)
        for name, shape in expected_shapes(config).items()
    }
    sized = {
        name: torch.empty(shape, dtype=dtype, device="meta")
        for name, (dtype, shape) in layout.items()
    }
    least = -(-layout_bytes(layout) // options.max_shard_bytes)
    pieces = split_weights(sized, least, options.max_shard_bytes)
    return {
        shard_name(number, len(pieces)): {name: layout[name] for name in names}
        for number, names in enumerate(pieces, start=1)
    }


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _write(conversion: Conversion, outcome: Outcome, advance: Callable[[str, int], None]) -> None:
    folder, manifest = conversion.destination, conversion.manifest
    manifest.save(folder)
    for name, layout in conversion.shards.items():
        if manifest.holds(folder / name, layout):
            outcome.kept += 1
        else:
            _write_shard(conversion, name)
            outcome.written += 1
        advance("written", layout_bytes(layout))
    _finish(conversion)


def _write_shard(conversion: Conversion, name: str) -> None:
    layout, manifest = conversion.shards[name], conversion.manifest
    digests: dict[str, str] = {}

    def write_layout(path: Path) -> None:
        digests.update(write_tensors(path, layout, _read(conversion.source, layout)))

    write_whole(conversion.destination / name, write_layout)
    manifest.note(name, layout, digests)
    manifest.save(conversion.destination)


def _read(source: Source, layout: Layout) -> Iterator[Tensor]:
    for name, (dtype, _) in layout.items():
        yield source.weights[name].read().to(dtype)


def _finish(conversion: Conversion) -> None:
    where = {name: shard for shard, layout in conversion.shards.items() for name in layout}
    folder = conversion.destination
    conversion.companions.write(folder)
    write_index(folder, where, conversion.total_bytes)
    conversion.configs.write_generation(folder)
    conversion.configs.write_config(folder)
