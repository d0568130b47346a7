"""Checkpoint files to model memory: every weight exactly once, or one complaint naming all."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from inference.errors import CheckpointError, WeightMismatch

INDEX_NAME = "model.safetensors.index.json"
SINGLE_NAME = "model.safetensors"
TIED_HEAD = "lm_head.weight"
EMBEDDING = "model.decoder.embed_tokens.weight"
FLOAT_DTYPES = ("F64", "F32", "F16", "BF16")


@dataclass(frozen=True)
class StoredWeight:
    """One tensor as a file's header describes it."""

    name: str  # as the model knows it
    stored_name: str
    path: Path
    shape: tuple[int, ...]
    dtype: str


def canonical_name(stored_name: str) -> str:
    """The model's name of a stored one: early conversions left out the leading "model."."""
    return f"model.{stored_name}" if stored_name.startswith("decoder.") else stored_name


def list_weights(directory: str | Path) -> list[StoredWeight]:
    """All tensors of the checkpoint, headers only. Raises CheckpointError, WeightMismatch."""
    folder = Path(directory)
    if not (folder / INDEX_NAME).is_file():
        return _read_header(folder / SINGLE_NAME)
    where = _read_index(folder / INDEX_NAME)
    found = [
        weight for name in sorted(set(where.values())) for weight in _read_header(folder / name)
    ]
    _require_index_agrees(where, found)
    return found


def load_weights(directory: str | Path, expected: dict[str, Tensor]) -> None:
    """Fill every expected tensor, converting to its dtype. Raises WeightMismatch, changing none."""
    found = list_weights(directory)
    _require_match(expected, found)
    by_path: dict[Path, list[StoredWeight]] = {}
    for weight in found:
        by_path.setdefault(weight.path, []).append(weight)
    head = None
    for path, weights in by_path.items():
        with _opened(path) as file:
            for weight in weights:
                if weight.name == TIED_HEAD:
                    head = file.get_tensor(weight.stored_name)
                else:
                    expected[weight.name].copy_(file.get_tensor(weight.stored_name))
    _require_tied(head, expected)


def _require_match(expected: dict[str, Tensor], found: list[StoredWeight]) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in expected.items()}
    shapes[TIED_HEAD] = shapes.get(EMBEDDING, ())
    names = [weight.name for weight in found]
    absent = sorted(set(expected) - set(names))
    extra = sorted({weight.stored_name for weight in found if weight.name not in shapes})
    wrong = [
        f"{weight.stored_name} is {list(weight.shape)} {weight.dtype}, "
        f"not {list(shapes[weight.name])}"
        for weight in found
        if weight.name in shapes
        and (weight.shape != shapes[weight.name] or weight.dtype not in FLOAT_DTYPES)
    ]
    wrong += [f"{name} is stored twice" for name in sorted(set(names)) if names.count(name) > 1]
    if absent or extra or wrong:
        raise WeightMismatch(absent, extra, wrong)


def _require_tied(head: Tensor | None, expected: dict[str, Tensor]) -> None:
    if head is None:
        return
    embedding = expected[EMBEDDING]
    if not torch.equal(head.to(embedding), embedding):
        raise WeightMismatch([], [], [f"{TIED_HEAD} differs from the embedding it is tied to"])


def _read_index(path: Path) -> dict[str, str]:
    try:
        where = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is not a safetensors index: {error}") from error
    if not isinstance(where, dict) or not all(isinstance(v, str) for v in where.values()):
        raise CheckpointError(f"{path}: weight_map must map names to file names")
    if any(Path(name).name != name for name in where.values()):
        raise CheckpointError(f"{path}: shards must lie beside the index")
    return where


def _require_index_agrees(where: dict[str, str], found: list[StoredWeight]) -> None:
    stored = {(weight.stored_name, weight.path.name) for weight in found}
    absent = sorted(f"{name} (promised in {file})" for name, file in set(where.items()) - stored)
    extra = sorted(
        f"{name} (in {file}, not in the index)" for name, file in stored - set(where.items())
    )
    if absent or extra:
        raise WeightMismatch(absent, extra, [])


def _read_header(path: Path) -> list[StoredWeight]:
    with _opened(path) as file:
        found = []
        for name in file.keys():  # noqa: SIM118 - not a mapping
            piece = file.get_slice(name)
            shape, dtype = tuple(piece.get_shape()), str(piece.get_dtype())
            found.append(StoredWeight(canonical_name(name), name, path, shape, dtype))
    return found


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise CheckpointError(f"no {path.name} in {path.parent}")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error
