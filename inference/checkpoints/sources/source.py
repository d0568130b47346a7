"""Open a checkpoint in any known format: every weight by the model's name, none read yet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference.checkpoints.sources import flat_order
from inference.checkpoints.sources.expected import expected_shapes
from inference.checkpoints.sources.faults import Faults
from inference.checkpoints.sources.forms import Form
from inference.checkpoints.sources.metaseq import (
    OUTPUT,
    FlatLayout,
    merge,
    require_same_output,
    unflatten,
)
from inference.checkpoints.sources.metaseq_config import config_of
from inference.checkpoints.sources.pickles import attributes, read_pickle
from inference.checkpoints.sources.stored import MergedTensor
from inference.checkpoints.sources.transformers_files import read_weights, require_usable
from inference.config import OptConfig
from inference.errors import CheckpointError, ConfigError
from inference.model.weight_files import DTYPE_CODES, dtype_name
from inference.model_files.weight_names import EMBEDDING, require_own_names


@dataclass
class Source:
    """An opened checkpoint.

    weights: by the model's names. noted: what metaseq wrote of the model's shape.

    aliases: other names under which files hold a weight once more, or instead. changed: sentences
    on transformers' files: names that were others, and what isn't read of them.
    """

    form: Form
    weights: dict[str, MergedTensor]
    faults: Faults
    noted: Mapping[str, Any] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    changed: Sequence[str] = ()

    @property
    def named_files(self) -> Iterator[tuple[str, Path]]:
        """Return each weight's name with its first file."""
        return ((name, weight.paths[0]) for name, weight in self.weights.items())


@dataclass(frozen=True)
class ReadOptions:
    """The choices of a reading.

    config: the config, if it is given and not to be read; config_path: its file, if it was given as
    one. inert: see read_pickle. assume_order: cut flat parameters without shard_metadata as
    metaseq's modules register them. tolerance: greatest difference between copies in several parts.
    """

    config: OptConfig | None = None
    config_path: Path | None = None
    inert: tuple[str, ...] = ()
    assume_order: bool = False
    tolerance: float = 0.0


def open_source(form: Form, options: ReadOptions) -> Source:
    """Open all files. Raises CheckpointError naming every file that is absent or unreadable."""
    faults = Faults()
    if form.is_transformers:
        named = read_weights(form, faults)
        changed = [*named.renamed, *named.dropped]
        return Source(form, named.weights, faults, aliases=named.aliases, changed=changed)
    parts = _read_files(form, options.inert)
    noted = attributes(attributes(parts[0][0].get("cfg")).get("model"))
    _require_all_parts(noted, len(parts))
    layout = _layout(options, len(parts))
    stored = [
        unflatten(shards, paths, faults, layout)
        for shards, paths in zip(parts, form.parts, strict=True)
    ]
    require_same_output(stored, faults)
    aliases = {OUTPUT: EMBEDDING} if any(OUTPUT in part for part in stored) else {}
    return Source(form, merge(stored, faults), faults, noted, aliases)


def find_faults(source: Source, config: OptConfig) -> None:
    """Compare names, shapes and dtypes with the config's, and add what is wrong to the faults."""
    shapes, faults = expected_shapes(config), source.faults
    faults.absent += sorted(set(shapes) - set(source.weights))
    faults.extra += sorted(set(source.weights) - set(shapes))
    for name, weight in source.weights.items():
        if name in shapes and weight.shape != shapes[name]:
            faults.misshapen.append(f"{name} is {list(weight.shape)}, not {list(shapes[name])}")
        elif name in shapes:
            faults.misshapen += _dtype_faults(name, weight)


def require_matches(source: Source, config: OptConfig, tolerance: float) -> None:
    """Compare the weights with the config, and copies with one another, which reads them.

    Raises WeightMismatch naming all faults; CheckpointError for an adapter's weights, or others
    under names that no model has.
    """
    # names first: of an adapter or a quantized model all others would be absent or extra
    require_own_names(source.named_files)
    find_faults(source, config)
    for name, weight in source.weights.items():
        apart = weight.disagreement()
        if apart > tolerance:
            source.faults.disagreeing.append(f"{name} differs between parts, by up to {apart:.3g}")
    source.faults.require_none()


def stated_config(form: Form, options: ReadOptions) -> OptConfig | None:
    """Return the config that was given or is in the folder; None if metaseq's files must say it.

    Raises ConfigError if it can't be run, or if transformers' files have none.
    """
    if options.config is not None:
        return options.config
    if (form.folder / "config.json").is_file():
        return OptConfig.from_directory(form.folder)
    if form.is_transformers:
        raise ConfigError(f"{form.folder} lacks config.json: give one with --config")
    return None


def config_for(source: Source, options: ReadOptions) -> OptConfig:
    """Return the stated config, or the one that metaseq's files imply.

    Raises ConfigError; WeightMismatch where weights that tell the shape are wrong themselves.
    """
    stated = stated_config(source.form, options)
    if stated is not None:
        return stated
    try:
        return config_of(source.noted, source.weights)
    except ConfigError:
        source.faults.require_none()
        raise


def _dtype_faults(name: str, weight: MergedTensor) -> list[str]:
    dtypes = sorted(map(dtype_name, weight.dtypes))
    if len(dtypes) > 1:
        return [f"{name} is of several dtypes in several files: {', '.join(dtypes)}"]
    if weight.dtype not in DTYPE_CODES:
        return [
            f"{name} holds {dtypes[0]}, and weights are float64, float32, bfloat16 or float16: "
            "save the model in one of these, as it was before it was quantised"
        ]
    return []


def _read_files(form: Form, inert: tuple[str, ...]) -> list[list[Mapping[str, Any]]]:
    wrong = [f"{name} is absent" for name in form.absent]

    def read(path: Path) -> Mapping[str, Any]:
        try:
            stored = read_pickle(path, inert)
        except CheckpointError as error:
            wrong.append(str(error))
            return {}
        if not isinstance(stored, Mapping) or not isinstance(stored.get("model", {}), Mapping):
            wrong.append(f"{path.name} holds no dictionary of weights")
            return {}
        return stored

    parts = [[read(path) for path in paths] for paths in form.parts]
    require_usable(wrong)
    return parts


def _require_all_parts(noted: Mapping[str, Any], parts: int) -> None:
    """Raise CheckpointError if the last parts are missing, which leaves no gap in the numbers."""
    size = noted.get("model_parallel_size")
    if isinstance(size, int) and parts not in (size, 1):
        raise CheckpointError(
            f"the model was saved in {size} model-parallel parts, and {parts} are here"
        )


def _layout(options: ReadOptions, parts: int) -> FlatLayout:
    if not options.assume_order:
        return flat_order.refuse
    if options.config is None:
        raise ConfigError("--assume-order needs the model's shape: give it with --config")
    return flat_order.RegistrationOrder(options.config, parts)
