"""Open checkpoint files and map their tensors, without reading them into memory.

The files are safetensors, or PyTorch's ``.bin`` read with ``weights_only``; each single, or in
shards with an index.
"""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from inference.errors import CheckpointError, WeightMismatch
from inference.model_files.json_files import read_object
from inference.model_files.lookalikes import why_unreadable
from inference.model_files.weight_formats import is_called_weights
from inference.model_files.weight_names import EMBEDDING, TIED_HEAD, canonical_name, is_leftover

INDEX_NAME = "model.safetensors.index.json"
SINGLE_NAME = "model.safetensors"
BIN_INDEX_NAME = "pytorch_model.bin.index.json"
BIN_SINGLE_NAME = "pytorch_model.bin"
_DISTRIBUTED_NAMES = "shard-*-model-*-of-*.safetensors"
_SHARD = re.compile(r"(model-\d+-of-\d+\.safetensors|pytorch_model-\d+-of-\d+\.bin)")
DTYPE_CODES = {  # as safetensors names them
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
}  # fmt: skip


def dtype_name(dtype: torch.dtype) -> str:
    """Return a dtype's name as configs and options have it: float16 for torch.float16."""
    return str(dtype).removeprefix("torch.")


@dataclass(frozen=True)
class StoredWeight:
    """One tensor as a file's header describes it."""

    name: str  # as the model knows it
    stored_name: str
    path: Path
    shape: tuple[int, ...]
    dtype: str


class SafetensorsFile:
    """One open .safetensors file. Raises CheckpointError."""

    def __init__(self, path: Path) -> None:
        _require_file(path)
        self.path = path
        try:
            self._file: Any = safe_open(path, framework="pt")
        except (
            SafetensorError,
            OSError,
            RuntimeError,
            MemoryError,
        ) as error:  # the last two: not mapped
            raise CheckpointError(f"{path} {why_unreadable(path, error)}") from error

    def weights(self) -> Iterator[StoredWeight]:
        """Yield the weights that the header lists."""
        for name in self._file.keys():  # noqa: SIM118 - not a mapping
            piece = self._file.get_slice(name)
            shape, dtype = tuple(piece.get_shape()), str(piece.get_dtype())
            yield StoredWeight(canonical_name(name), name, self.path, shape, dtype)

    @property
    def metadata(self) -> dict[str, str]:
        """Texts that the header holds beside the tensors."""
        return dict(self._file.metadata() or {})

    def tensor(self, stored_name: str) -> Tensor:
        """Return a tensor over the file's own bytes."""
        tensor: Tensor = self._file.get_tensor(stored_name)
        return tensor


class BinFile:
    """One .bin file of torch.save, whose pickle may hold tensors and nothing else."""

    def __init__(self, path: Path) -> None:
        _require_file(path)
        self.path = path
        try:
            stored = _load_bin(path)
        except Exception as error:  # torch.load raises nearly anything for a broken file
            raise CheckpointError(f"{path} {why_unreadable(path, error)}") from error
        self._tensors = _tensors_by_name(path, stored)

    def weights(self) -> Iterator[StoredWeight]:
        """Yield the weights that the file holds."""
        for name, tensor in self._tensors.items():
            dtype = DTYPE_CODES.get(tensor.dtype, str(tensor.dtype))
            yield StoredWeight(canonical_name(name), name, self.path, tuple(tensor.shape), dtype)

    def tensor(self, stored_name: str) -> Tensor:
        """Return a tensor over the file's own bytes, or in memory for files of torch before 1.6."""
        return self._tensors[stored_name]


WeightFile = SafetensorsFile | BinFile


def find_weights(directory: str | Path) -> Path:
    """Find the file, or the index of files, that holds a folder's weights.

    Where there are several, it is the one that transformers takes. Raises CheckpointError.
    """
    folder = Path(directory)
    if any(folder.glob(_DISTRIBUTED_NAMES)):
        raise CheckpointError(
            f"{folder} holds a distributed checkpoint ({_DISTRIBUTED_NAMES}), which transformers "
            "would prefer to all other files: gather it and save the model with save_pretrained"
        )
    for name in (SINGLE_NAME, INDEX_NAME, BIN_SINGLE_NAME, BIN_INDEX_NAME):
        if (folder / name).is_file():
            return folder / name
    shards = sorted(p.name for p in folder.glob("*") if _SHARD.fullmatch(p.name))
    if shards:
        raise CheckpointError(
            f"{folder} holds {shards[0]} and no index of its shards, without which they aren't "
            "loaded: fetch the index too, or let python -m inference convert write the folder anew"
        )
    others = sorted(p.name for p in folder.glob("*") if is_called_weights(p.name))[:5]
    hint = f"; {', '.join(others)} can't be loaded under these names" if others else ""
    if any(name.endswith(".pt") for name in others):
        hint += ": metaseq's files are converted by python -m inference convert"
    raise CheckpointError(f"no {SINGLE_NAME} in {folder}, nor {BIN_SINGLE_NAME}{hint}")


def open_weight_files(directory: str | Path) -> list[WeightFile]:
    """Open all files of a checkpoint. Raises CheckpointError; WeightMismatch naming all faults."""
    path = find_weights(directory)
    if path.name not in (INDEX_NAME, BIN_INDEX_NAME):
        return [_open(path)]
    where = read_index(path)
    files, damaged = [], []
    for name in sorted(set(where.values())):
        try:
            files.append(_open(path.parent / name))
        except CheckpointError as error:
            damaged.append(str(error))
    _require_index_agrees(where, files, damaged)
    return files


def model_weights(files: Iterable[WeightFile]) -> list[tuple[WeightFile, StoredWeight]]:
    """List the model's weights in files, each with its file.

    Leftovers of old versions that are known to be harmless are left out. Head and embedding are one
    matrix: where only the head is stored, it is listed as the embedding.
    """
    stored = [
        (file, weight)
        for file in files
        for weight in file.weights()
        if not is_leftover(weight.stored_name)
    ]
    if any(weight.name == EMBEDDING for _, weight in stored):
        return stored
    return [(file, _untied(weight)) for file, weight in stored]


def _untied(weight: StoredWeight) -> StoredWeight:
    return replace(weight, name=EMBEDDING) if weight.name == TIED_HEAD else weight


def list_weights(directory: str | Path) -> list[StoredWeight]:
    """List a checkpoint's weights by headers alone. Raises CheckpointError, WeightMismatch."""
    return [weight for _, weight in model_weights(open_weight_files(directory))]


def _open(path: Path) -> WeightFile:
    return BinFile(path) if path.suffix == ".bin" else SafetensorsFile(path)


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise CheckpointError(f"no {path.name} in {path.parent}")


def _load_bin(path: Path) -> Any:
    options: dict[str, Any] = {"map_location": "cpu", "weights_only": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about pickles of other protocols, which are refused
        try:
            return torch.load(path, mmap=True, **options)
        except RuntimeError as error:
            if "mmap can only be used" not in str(error):
                raise
            return torch.load(path, **options)  # the format before torch 1.6 cannot be mapped


def _tensors_by_name(path: Path, stored: Any) -> dict[str, Tensor]:
    if not isinstance(stored, Mapping):
        raise CheckpointError(f"{path} holds no tensors by name: save the model's state_dict()")
    for name, tensor in stored.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise CheckpointError(
                f"{path} holds more than tensors by name ({str(name)[:80]!r} is a "
                f"{type(tensor).__name__}): save the model's state_dict() alone"
            )
        if not is_plain(tensor):
            raise CheckpointError(
                f"{path}: {name} is sparse or on torch's meta device: save it as a dense tensor "
                "with its numbers"
            )
    return dict(stored)


def is_plain(tensor: Tensor) -> bool:
    """Tell whether a tensor is dense and has numbers: not sparse, nor on the meta device."""
    return tensor.layout == torch.strided and not tensor.is_meta


def read_index(path: Path) -> dict[str, str]:
    """Return the file that an index names for each tensor. Raises CheckpointError."""
    where = read_object(path, CheckpointError).get("weight_map")
    if not isinstance(where, dict) or not all(isinstance(v, str) for v in where.values()):
        raise CheckpointError(f"{path}: weight_map must map names to file names")
    if not where:
        raise CheckpointError(f"{path}: weight_map names no tensors")
    if any(Path(name).name != name for name in where.values()):
        raise CheckpointError(f"{path}: shards must lie beside the index")
    return where


def _require_index_agrees(
    where: dict[str, str], files: list[WeightFile], damaged: list[str]
) -> None:
    """Raise WeightMismatch where index and files differ; of an unreadable file only say that."""
    readable = {file.path.name for file in files}
    promised = {(name, file) for name, file in where.items() if file in readable}
    stored = {(weight.stored_name, file.path.name) for file in files for weight in file.weights()}
    absent = sorted(f"{name} (promised in {file})" for name, file in promised - stored)
    extra = sorted(f"{name} (in {file}, not in the index)" for name, file in stored - promised)
    if absent or extra or damaged:
        raise WeightMismatch(absent, extra, [], damaged=damaged)
