"""Read metaseq's weights: cut flat parameters, merge model-parallel parts, translate names.

The format, as known from metaseq's and fairscale's sources and transformers' converter:

- FSDP keeps a module's weights one after another in a ``flat_param``, cut evenly over the shards
  and padded at each shard's end. ``shard_metadata`` says where each lies.
- Megatron's parts split fc1, q, k, v and the embedding by rows, fc2 and out_proj by columns;
  all else is copied into each part.
- ``qkv_proj`` holds K, V and Q, in that order, each with the part's own heads: so a merge goes
  along the rows of each third, not along those of the whole.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from inference.checkpoints.sources.faults import Faults
from inference.checkpoints.sources.stored import (
    MergedTensor,
    StoredRun,
    StoredTensor,
    count,
    narrow_runs,
)
from inference.errors import CheckpointError
from inference.model.layout import split_dim
from inference.model.weight_files import is_plain

FLAT = "flat_param"
FUSED_ORDER = "kvq"
OUTPUT = "decoder.output_projection.weight"
EMBEDDING = "decoder.embed_tokens.weight"
DROPPED = re.compile(r"decoder\.version|.*\._float_tensor")
_RENAMED = (
    ("decoder.project_in_dim.", "decoder.project_in."),
    ("decoder.project_out_dim.", "decoder.project_out."),
    ("decoder.layer_norm.", "decoder.final_layer_norm."),
)


@dataclass(frozen=True)
class FlatParameter:
    """The weights in one flat parameter, by names with the path of the module that owns it."""

    key: str
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]


FlatLayout = Callable[[Mapping[str, Tensor]], list[FlatParameter]]


def unflatten(
    shards: Sequence[Mapping[str, Any]], paths: Sequence[Path], faults: Faults, layout: FlatLayout
) -> dict[str, StoredTensor]:
    """Cut the weights of one part, by metaseq's names, out of all its shards.

    shards: what the file at each path holds. layout: says what flat parameters hold where the
    files don't. Raises CheckpointError where that can't be known.
    """
    models = [_weights_of(shard, path.name) for shard, path in zip(shards, paths, strict=True)]
    parameters = _described(shards[0]) or layout(models[0])
    weights: dict[str, StoredTensor] = {}
    for parameter in parameters:
        if parameter.key in models[0]:
            paddings = [_paddings(shard).get(parameter.key, 0) for shard in shards]
            weights |= _cut(parameter, models, paddings, paths, faults)
    flat = {parameter.key for parameter in parameters}
    plain = {key: tensor for key, tensor in models[0].items() if key not in flat}
    faults.extra += sorted(f"{key} (in {paths[0].name})" for key in plain if FLAT in key)
    return weights | {k: StoredTensor.of(t, paths[0]) for k, t in plain.items() if FLAT not in k}


def merge(parts: Sequence[Mapping[str, StoredTensor]], faults: Faults) -> dict[str, MergedTensor]:
    """Merge all parts into the model's weights, by its own names."""
    merged: dict[str, MergedTensor] = {}
    for key in sorted(set().union(*parts)):
        if DROPPED.fullmatch(key):  # version marks and tables that are computed anew
            continue
        faults.absent += [f"{key} in part {n}" for n, part in enumerate(parts) if key not in part]
        pieces = [part[key] for part in parts if key in part]
        merged |= dict(_merged(key, pieces, faults))
    return merged


def require_same_output(parts: Sequence[Mapping[str, StoredTensor]], faults: Faults) -> None:
    """Add a fault for a stored head that differs from the embedding: it would be silently lost."""
    for number, part in enumerate(parts):
        head, embedding = part.get(OUTPUT), part.get(EMBEDDING)
        if head is None or embedding is None:
            continue
        if head.shape != embedding.shape or MergedTensor((head, embedding)).disagreement():
            faults.disagreeing.append(f"{OUTPUT} and {EMBEDDING} in part {number}")


def model_name(key: str) -> str:
    """Translate metaseq's name of a weight to the model's."""
    for prefix, model_prefix in _RENAMED:
        if key.startswith(prefix):
            key = model_prefix + key.removeprefix(prefix)
    return f"model.{key}"


def _merged(
    key: str, pieces: Sequence[StoredTensor], faults: Faults
) -> Iterator[tuple[str, MergedTensor]]:
    if key == OUTPUT:
        return
    if ".qkv_proj." in key:
        for number, letter in enumerate(FUSED_ORDER):
            name = key.replace(".qkv_proj.", f".{letter}_proj.")
            thirds = [_third(piece, number) for piece in pieces]
            yield from _merged(name, thirds, faults)
        return
    axis = split_dim(key) if "." in key else None
    # a 1-D weight has no such dimension to be split along
    if axis is not None and len(pieces[0].shape) <= axis:
        axis = None
    if _alike(pieces, axis):
        yield model_name(key), MergedTensor(tuple(pieces), axis)
    else:
        shapes = ", ".join(str(list(piece.shape)) for piece in pieces)
        faults.misshapen.append(f"{key} has shapes that don't go together: {shapes}")


def _third(piece: StoredTensor, number: int) -> StoredTensor:
    rows = piece.shape[0] // 3
    return piece.rows(number * rows, (number + 1) * rows)


def _alike(pieces: Sequence[StoredTensor], axis: int | None) -> bool:
    shapes = {tuple(size for at, size in enumerate(piece.shape) if at != axis) for piece in pieces}
    return len(shapes) == 1


def _weights_of(shard: Mapping[str, Any], name: str) -> dict[str, Tensor]:
    weights = shard.get("model", shard)
    tensors = {key: value for key, value in weights.items() if isinstance(value, Tensor)}
    if not tensors:
        raise CheckpointError(f"{name} holds no weights under 'model'")
    unreadable = [key for key, value in tensors.items() if not is_plain(value)]
    if unreadable:
        raise CheckpointError(f"{name}: {unreadable[0]} is sparse or has no numbers: save it anew")
    return tensors


def _described(shard: Mapping[str, Any]) -> list[FlatParameter]:
    return [
        FlatParameter(
            key,
            tuple(_under(instance["fsdp_path"], name) for name in parameter["names"]),
            tuple(tuple(shape) for shape in parameter["shapes"]),
        )
        for instance, key, parameter in _metadata(shard)
    ]


def _paddings(shard: Mapping[str, Any]) -> dict[str, int]:
    return {key: int(parameter["padding"]) for _, key, parameter in _metadata(shard)}


def _metadata(shard: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str, Any]]:
    """Yield FSDP instance, key in 'model', and the description of each backing parameter."""
    for instance in (shard.get("shard_metadata") or {}).get("param_metadata", ()):
        for name, parameter in instance["params"].items():
            yield instance, _under(instance["fsdp_path"], name), parameter


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _cut(
    parameter: FlatParameter,
    models: Sequence[Mapping[str, Tensor]],
    paddings: Sequence[int],
    paths: Sequence[Path],
    faults: Faults,
) -> dict[str, StoredTensor]:
    """Cut one backing parameter into weights, each as runs of the shards' mapped numbers."""
    key = parameter.key
    lacking = [path.name for model, path in zip(models, paths, strict=True) if key not in model]
    if lacking:
        faults.absent += [f"{key} in {name}" for name in lacking]
        return {}
    flat = [model[key].reshape(-1) for model in models]
    runs = tuple(
        StoredRun(numbers[: numbers.numel() - padding], path)
        for numbers, padding, path in zip(flat, paddings, paths, strict=True)
    )
    sizes = [count(shape) for shape in parameter.shapes]
    stored = sum(run.numbers.numel() for run in runs)
    if stored != sum(sizes):
        faults.misshapen.append(
            f"{key} holds {stored} numbers in {len(runs)} shards ({paths[0].name} …), "
            f"not the {sum(sizes)} of {parameter.names[0]} … {parameter.names[-1]}"
        )
        return {}
    weights, at = {}, 0
    for name, shape, size in zip(parameter.names, parameter.shapes, sizes, strict=True):
        weights[name] = StoredTensor(shape, narrow_runs(runs, at, at + size))
        at += size
    return weights
