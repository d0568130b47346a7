"""A checkpoint in any known form, opened: every weight by the model's name, none read yet."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.checkpoints import flat_order
from inference.checkpoints.expected import expected_shapes
from inference.checkpoints.forms import BIN, SAFETENSORS, Form
from inference.checkpoints.metaseq import (
    Faults,
    FlatLayout,
    merge,
    require_same_output,
    unflatten,
)
from inference.checkpoints.metaseq_config import config_of
from inference.checkpoints.pickles import attributes, damaged_records, read_pickle
from inference.checkpoints.stored import MergedTensor, StoredTensor
from inference.config import OptConfig
from inference.errors import CheckpointError, ConfigError, WeightMismatch
from inference.weight_files import BinFile, model_weights
from inference.weight_names import EMBEDDING as MODEL_EMBEDDING
from inference.weight_names import TIED_HEAD

READERS = 8  # files opened or checked at a time


@dataclass
class Source:
    """weights by the model's names; noted: what metaseq wrote of the model's shape."""

    form: Form
    weights: dict[str, MergedTensor]
    noted: Mapping[str, Any]
    faults: Faults


@dataclass(frozen=True)
class ReadOptions:
    """config: the shape, where it is given and not read. inert: see read_pickle.

    assume_order: cut flat parameters without shard_metadata as metaseq's modules register them.
    tolerance: greatest difference between what parts hold in common.
    """

    config: OptConfig | None = None
    inert: tuple[str, ...] = ()
    assume_order: bool = False
    tolerance: float = 0.0


def open_source(form: Form, options: ReadOptions) -> Source:
    """Open all files. Raises CheckpointError naming every file that is absent or unreadable."""
    if form.kind == SAFETENSORS:
        raise CheckpointError(
            "these files are safetensors already: the engine loads them as they are"
        )
    faults = Faults()
    if form.kind == BIN:
        return Source(form, _bin_weights(form, faults), {}, faults)
    parts = _read_files(form, options.inert)
    names = [[path.name for path in paths] for paths in form.parts]
    noted = attributes(attributes(parts[0][0].get("cfg")).get("model"))
    _require_all_parts(noted, len(parts))
    layout = _layout(options, len(parts))
    stored = [
        unflatten(shards, shard_names, faults, layout)
        for shards, shard_names in zip(parts, names, strict=True)
    ]
    require_same_output(stored, faults)
    return Source(form, merge(stored, faults), noted, faults)


def require_matches(source: Source, config: OptConfig, tolerance: float) -> None:
    """Hold the weights against the shape. Raises WeightMismatch with all that is wrong."""
    shapes, faults = expected_shapes(config), source.faults
    faults.absent += sorted(set(shapes) - set(source.weights))
    faults.extra += sorted(set(source.weights) - set(shapes))
    for name, weight in source.weights.items():
        if name in shapes and weight.shape != shapes[name]:
            faults.misshapen.append(f"{name} is {list(weight.shape)}, not {list(shapes[name])}")
        elif name in shapes and not weight.dtype.is_floating_point:
            faults.misshapen.append(f"{name} holds {weight.dtype}, not floating-point numbers")
        apart = weight.disagreement()
        if apart > tolerance:
            faults.disagreeing.append(f"{name} differs between parts, by up to {apart:.3g}")
    _require_none(faults)


def config_for(source: Source, options: ReadOptions) -> OptConfig:
    """The shape that was given, lies beside the files, or is noted in them.

    Raises ConfigError; WeightMismatch where weights that tell the shape are wrong themselves.
    """
    if options.config is not None:
        return options.config
    folder = source.form.folder
    if (folder / "config.json").is_file():
        return OptConfig.from_directory(folder)
    if source.form.kind == BIN:
        raise ConfigError(f"{folder} lacks config.json: give one with --config")
    try:
        return config_of(source.noted, source.weights)
    except ConfigError:
        _require_none(source.faults)
        raise


def require_undamaged(paths: Sequence[Path], advance: Callable[[int], None]) -> None:
    """Read every byte against its CRC-32. Raises CheckpointError naming all that differ.

    advance is told the size of each file that was read.
    """
    damaged = []
    with ThreadPoolExecutor(READERS) as pool:
        for path, found in zip(paths, pool.map(damaged_records, paths), strict=True):
            damaged += [f"{path.name}: {record}" for record in found]
            advance(path.stat().st_size)
    if damaged:
        raise CheckpointError(
            "these records are not as they were written (CRC-32); fetch their files again:\n  "
            + "\n  ".join(damaged)
        )


def _require_none(faults: Faults) -> None:
    if faults.absent or faults.extra or faults.misshapen or faults.disagreeing:
        raise WeightMismatch(faults.absent, faults.extra, faults.misshapen, faults.disagreeing)


def _read_files(form: Form, inert: tuple[str, ...]) -> list[list[Mapping[str, Any]]]:
    wrong = [f"{name} is absent" for name in form.absent]

    def read(path: Path) -> Mapping[str, Any]:
        try:
            found = read_pickle(path, inert)
        except CheckpointError as error:
            wrong.append(str(error))
            return {}
        if not isinstance(found, Mapping) or not isinstance(found.get("model", {}), Mapping):
            wrong.append(f"{path.name} holds no dictionary of weights")
            return {}
        return found

    parts = [[read(path) for path in paths] for paths in form.parts]
    _require_usable(wrong)
    return parts


def _require_all_parts(noted: Mapping[str, Any], found: int) -> None:
    """The last parts may be missing without a gap in the numbers."""
    size = noted.get("model_parallel_size")
    if isinstance(size, int) and found not in (size, 1):
        raise CheckpointError(
            f"the model was saved in {size} model-parallel parts, and {found} are here"
        )


def _layout(options: ReadOptions, parts: int) -> FlatLayout:
    if not options.assume_order:
        return flat_order.refuse
    if options.config is None:
        raise ConfigError("--assume-order needs the model's shape: give it with --config")
    return flat_order.RegistrationOrder(options.config, parts)


def _bin_weights(form: Form, faults: Faults) -> dict[str, MergedTensor]:
    """All files' weights; whether they are all there, the shape tells better than an index."""
    found: dict[str, MergedTensor] = {}
    for file, weight in model_weights(_open_bin_files(form)):
        if weight.name in found:
            faults.misshapen.append(f"{weight.name} is stored twice, again in {file.path.name}")
        stored = StoredTensor.of(file.tensor(weight.stored_name))
        found[weight.name] = MergedTensor((stored,))
    head, embedding = found.pop(TIED_HEAD, None), found.get(MODEL_EMBEDDING)
    if head is not None and embedding is not None and _differ(head, embedding):
        faults.disagreeing.append(f"{TIED_HEAD} differs from the embedding it is tied to")
    return found


def _differ(one: MergedTensor, other: MergedTensor) -> bool:
    alike = one.shape == other.shape
    return not alike or MergedTensor((*one.pieces, *other.pieces)).disagreement() > 0


def _open_bin_files(form: Form) -> list[BinFile]:
    found, wrong = [], [f"{name} is absent" for name in form.absent]
    for path in form.files.values():
        try:
            found.append(BinFile(path))
        except CheckpointError as error:
            wrong.append(str(error))
    _require_usable(wrong)
    return found


def _require_usable(wrong: list[str]) -> None:
    if wrong:
        raise CheckpointError("not all files can be used:\n  " + "\n  ".join(wrong))
