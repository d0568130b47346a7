"""Tensors in checkpoint files, seen where they lie: mapped from the file, not read into memory.

safetensors, and PyTorch's ``.bin`` by ``weights_only``, each single or in shards with an index.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from inference.errors import CheckpointError, WeightMismatch

INDEX_NAME = "model.safetensors.index.json"
SINGLE_NAME = "model.safetensors"
BIN_INDEX_NAME = "pytorch_model.bin.index.json"
BIN_SINGLE_NAME = "pytorch_model.bin"
DTYPE_CODES = {  # as safetensors names them
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
}  # fmt: skip


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


class SafetensorsFile:
    """One open .safetensors file. Raises CheckpointError."""

    def __init__(self, path: Path) -> None:
        _require_file(path)
        self.path = path
        try:
            self._file: Any = safe_open(path, framework="pt")
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path} is damaged: {error}") from error

    def weights(self) -> Iterator[StoredWeight]:
        """What the header lists."""
        for name in self._file.keys():  # noqa: SIM118 - not a mapping
            piece = self._file.get_slice(name)
            shape, dtype = tuple(piece.get_shape()), str(piece.get_dtype())
            yield StoredWeight(canonical_name(name), name, self.path, shape, dtype)

    def tensor(self, stored_name: str) -> Tensor:
        """A tensor over the file's own bytes."""
        found: Tensor = self._file.get_tensor(stored_name)
        return found


class BinFile:
    """One .bin file of torch.save, whose pickle may hold tensors and nothing else."""

    def __init__(self, path: Path) -> None:
        _require_file(path)
        self.path = path
        try:
            self._tensors = _load_bin(path)
        except Exception as error:  # torch.load raises nearly anything for a broken file
            first = str(error).partition("\n")[0]
            raise CheckpointError(f"{path} is damaged or no plain weights: {first}") from error

    def weights(self) -> Iterator[StoredWeight]:
        """What it holds."""
        for name, tensor in self._tensors.items():
            dtype = DTYPE_CODES.get(tensor.dtype, str(tensor.dtype))
            yield StoredWeight(canonical_name(name), name, self.path, tuple(tensor.shape), dtype)

    def tensor(self, stored_name: str) -> Tensor:
        """A tensor over the file's own bytes; in memory where the file is of torch before 1.6."""
        return self._tensors[stored_name]


WeightFile = SafetensorsFile | BinFile


def open_weight_files(directory: str | Path) -> list[WeightFile]:
    """All files of the checkpoint. Raises CheckpointError, or WeightMismatch naming all faults."""
    folder = Path(directory)
    index = next((n for n in (INDEX_NAME, BIN_INDEX_NAME) if (folder / n).is_file()), None)
    if index is None:
        single = SINGLE_NAME
        if not (folder / single).is_file() and (folder / BIN_SINGLE_NAME).is_file():
            single = BIN_SINGLE_NAME
        return [_open(folder / single)]
    where = read_index(folder / index)
    files, damaged = [], []
    for name in sorted(set(where.values())):
        try:
            files.append(_open(folder / name))
        except CheckpointError as error:
            damaged.append(str(error))
    _require_index_agrees(where, files, damaged)
    return files


def list_weights(directory: str | Path) -> list[StoredWeight]:
    """All tensors of the checkpoint, headers only. Raises CheckpointError, WeightMismatch."""
    return [weight for file in open_weight_files(directory) for weight in file.weights()]


def _open(path: Path) -> WeightFile:
    return BinFile(path) if path.suffix == ".bin" else SafetensorsFile(path)


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise CheckpointError(f"no {path.name} in {path.parent}")


def _load_bin(path: Path) -> dict[str, Tensor]:
    options: dict[str, Any] = {"map_location": "cpu", "weights_only": True}
    try:
        found = torch.load(path, mmap=True, **options)
    except RuntimeError as error:
        if "mmap" not in str(error):
            raise
        found = torch.load(path, **options)  # the format before torch 1.6 cannot be mapped
    if not isinstance(found, Mapping) or not all(isinstance(t, Tensor) for t in found.values()):
        raise CheckpointError("it does not map names to tensors")
    return dict(found)


def read_index(path: Path) -> dict[str, str]:
    """Return the file that an index names for each tensor. Raises CheckpointError."""
    try:
        where = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is not an index of weights: {error}") from error
    if not isinstance(where, dict) or not all(isinstance(v, str) for v in where.values()):
        raise CheckpointError(f"{path}: weight_map must map names to file names")
    if any(Path(name).name != name for name in where.values()):
        raise CheckpointError(f"{path}: shards must lie beside the index")
    return where


def _require_index_agrees(
    where: dict[str, str], files: list[WeightFile], damaged: list[str]
) -> None:
    """Of a file that cannot be read nothing is said but that."""
    readable = {file.path.name for file in files}
    promised = {(name, file) for name, file in where.items() if file in readable}
    stored = {(each.stored_name, file.path.name) for file in files for each in file.weights()}
    absent = sorted(f"{name} (promised in {file})" for name, file in promised - stored)
    extra = sorted(f"{name} (in {file}, not in the index)" for name, file in stored - promised)
    if absent or extra or damaged:
        raise WeightMismatch(absent, extra, [], damaged=damaged)
