"""Convert a checkpoint in any known format to safetensors shards, with a manifest of hashes.

One tensor is in memory at a time; the source stays mapped. An interrupted conversion goes on where
it stopped: shards that are there are compared with their hashes in the manifest, and written again
if they differ.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from inference.checkpoints.casting import cast_sentence
from inference.checkpoints.examine import Examination, examine
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
    require_disk_space,
    require_no_others,
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
from inference.model.safetensors_writer import ShardLayout, layout_bytes, write_tensors
from inference.model.weight_files import INDEX_NAME, dtype_name


@dataclass(frozen=True)
class ConvertOptions:
    """The choices of a conversion.

    dtype: None keeps each weight's own. check_crc: verify the source's checksums.
    """

    read: ReadOptions = field(default_factory=ReadOptions)
    dtype: torch.dtype | None = None
    max_shard_bytes: int = MAX_SHARD_BYTES
    check_crc: bool = True


@dataclass(frozen=True)
class Conversion:
    """A plan of all that is to be written: each weight in one shard, in the order of the layouts.

    manifest: of what is in the destination already. begun: True if that is of this conversion.
    """

    source: Source
    destination: Path
    shards: dict[str, ShardLayout]
    configs: Configs
    companions: Companions
    manifest: Manifest
    begun: bool
    check_crc: bool

    @property
    def source_bytes(self) -> int:
        """Number of bytes of all the source's files."""
        return sum(path.stat().st_size for path in self.source.form.files.values())

    @property
    def total_bytes(self) -> int:
        """Number of bytes of all tensors to be written."""
        return sum(layout_bytes(layout) for layout in self.shards.values())

    @property
    def changed(self) -> list[str]:
        """Sentences on everything that the result has otherwise than the source."""
        before = {name: weight.dtype for name, weight in self.source.weights.items()}
        casts = Counter(
            (dtype_name(before[name]), dtype_name(dtype))
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
        """Names of the files that are the source's, byte for byte."""
        return [*self.configs.copied_files, *self.companions.copied]

    @property
    def made(self) -> list[str]:
        """Names of the files, shards apart, that are made anew."""
        made = [*self.configs.made_files, *self.companions.tokenizer.made]
        return [*made, INDEX_NAME, MANIFEST_NAME]

    @property
    def files(self) -> set[str]:
        """Names of all files of the result."""
        return {*self.shards, *self.copied, *self.made, CONFIG_NAME}


@dataclass
class ConversionResult:
    """The numbers of shards that were written, and of those that were there and right.

    examination: None where the source was examined when the conversion was begun.
    """

    written: int = 0
    kept: int = 0
    examination: Examination | None = None


def prepare(source: Path, destination: Path, options: ConvertOptions) -> Conversion:
    """Open and check everything but the numbers, and plan what is to be written. Writes nothing.

    Raises CheckpointError, ConfigError, TokenizerError, and WeightMismatch naming every weight that
    is wrong.
    """
    form = find_form(source)
    require_apart(form.folder, destination)
    stated_config(
        form, options.read
    )  # first, so that another kind of model is refused as such, not by its names
    opened = open_source(form, options.read)
    config = config_for(opened, options.read)
    require_matches(opened, config, options.read.tolerance)
    shards = _lay_out(opened, config, options)
    # compared by names, sizes and times: reading a large source again would take hours
    manifest, begun = find_begun(form, destination, shards, options.dtype)
    require_disk_space(destination, shards)
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


def convert(conversion: Conversion, advance: Callable[[str, int], None]) -> ConversionResult:
    """Check all bytes of the source, then write the shards that aren't there yet.

    A conversion that was begun checked its source then. advance: called with "checked" or "written"
    and a number of bytes. Raises CheckpointError for damage, numbers that can't be converted, and
    files that can't be written.
    """
    result = ConversionResult()
    if not conversion.begun:
        result.examination = examine_numbers(conversion, advance)
    with hold(conversion.destination):
        _write(conversion, result, advance)
    return result


def examine_numbers(conversion: Conversion, advance: Callable[[str, int], None]) -> Examination:
    """Read the source once and return the findings. advance: called with "checked" and bytes.

    Raises CheckpointError for damage, and for numbers that can't be converted.
    """
    dtypes = {n: dtype for layout in conversion.shards.values() for n, (dtype, _) in layout.items()}
    return examine(
        conversion.source,
        dtypes,
        check_crc=conversion.check_crc,
        advance=lambda size: advance("checked", size),
    )


def _lay_out(source: Source, config: OptConfig, options: ConvertOptions) -> dict[str, ShardLayout]:
    layout = {
        name: (options.dtype or source.weights[name].dtype, shape)
        for name, shape in expected_shapes(config).items()
    }
    sized = {
        name: torch.empty(shape, dtype=dtype, device="meta")
        for name, (dtype, shape) in layout.items()
    }
    fewest = -(-layout_bytes(layout) // options.max_shard_bytes)
    shards = split_weights(sized, fewest, options.max_shard_bytes)
    return {
        shard_name(number, len(shards)): {name: layout[name] for name in names}
        for number, names in enumerate(shards, start=1)
    }


def _write(
    conversion: Conversion, result: ConversionResult, advance: Callable[[str, int], None]
) -> None:
    folder, manifest = conversion.destination, conversion.manifest
    manifest.save(folder)  # first, so that an interrupted conversion is recognized as begun
    for name, layout in conversion.shards.items():
        if manifest.holds(folder / name, layout):
            result.kept += 1
        else:
            _write_shard(conversion, name)
            result.written += 1
        advance("written", layout_bytes(layout))
    _finish(conversion)


def _write_shard(conversion: Conversion, name: str) -> None:
    layout, manifest = conversion.shards[name], conversion.manifest
    digests: dict[str, str] = {}

    def write_layout(path: Path) -> None:
        digests.update(write_tensors(path, layout, _read(conversion.source, layout)))

    write_whole(conversion.destination / name, write_layout)
    manifest.add_shard(name, layout, digests)
    manifest.save(conversion.destination)


def _read(source: Source, layout: ShardLayout) -> Iterator[Tensor]:
    for name, (dtype, _) in layout.items():
        yield source.weights[name].read().to(dtype)


def _finish(conversion: Conversion) -> None:
    where = {name: shard for shard, layout in conversion.shards.items() for name in layout}
    folder = conversion.destination
    # config.json last: the folder is taken for a model only once it is complete
    conversion.companions.write(folder)
    write_index(folder, where, conversion.total_bytes)
    conversion.configs.write_generation(folder)
    conversion.configs.write_config(folder)
