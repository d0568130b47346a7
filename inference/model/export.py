"""Writes a checkpoint directory as transformers reads it; each file appears whole or not at all."""

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from inference.config import OptConfig
from inference.model.weight_files import INDEX_NAME

MAX_SHARD_BYTES = 2_000_000_000
PART_SUFFIX = ".part"  # of a file that isn't whole yet


def export_model(
    directory: Path,
    config: OptConfig,
    weights: dict[str, Tensor],
    *,
    shards: int = 2,
    max_shard_bytes: int = MAX_SHARD_BYTES,
) -> list[Path]:
    """Write shards, index and configs and return the shards; config.json, written last, seals."""
    pieces = split_weights(weights, shards, max_shard_bytes)
    where, paths = {}, []
    for number, names in enumerate(pieces, start=1):
        path = directory / shard_name(number, len(pieces))
        piece = {name: weights[name].contiguous().clone() for name in names}
        write_whole(path, partial(_save, piece))
        where.update(dict.fromkeys(names, path.name))
        paths.append(path)
    total = sum(tensor.nbytes for tensor in weights.values())
    dtype = str(next(iter(weights.values())).dtype).removeprefix("torch.")
    write_index(directory, where, total)
    write_json(directory / "generation_config.json", generation_fields(config))
    write_json(directory / "config.json", {**config.to_dict(), "dtype": dtype})
    return paths


def shard_name(number: int, count: int) -> str:
    """Return the name of one of count shards, counted from 1, as transformers has it."""
    return f"model-{number:05}-of-{count:05}.safetensors"


def write_index(directory: Path, where: dict[str, str], total: int) -> None:
    """Write the index beside the shards. where: file of each weight; total: bytes of all."""
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(where.items()))}
    write_json(directory / INDEX_NAME, index)


def generation_fields(config: OptConfig) -> dict[str, object]:
    """Return generation_config.json's object for a model of ours: its special tokens."""
    return {
        "bos_token_id": config.bos_token_id,
        "eos_token_id": config.to_dict()["eos_token_id"],
        "pad_token_id": config.pad_token_id,
    }


def split_weights(weights: dict[str, Tensor], shards: int, max_bytes: int) -> list[list[str]]:
    """Divide the names into runs of about equal bytes, so many or as many as max_bytes takes.

    Raises ValueError naming the weight that alone is over max_bytes.
    """
    largest, size = max(((n, t.nbytes) for n, t in weights.items()), key=lambda each: each[1])
    if size > max_bytes:
        raise ValueError(f"one tensor alone is over {max_bytes} bytes: {largest} has {size}")
    most = min(max(shards, 1), len(weights))
    for count in range(most, len(weights) + 1):
        pieces = _cut(weights, count)
        if all(sum(weights[name].nbytes for name in piece) <= max_bytes for piece in pieces):
            return pieces
    return [[name] for name in weights]


def _cut(weights: dict[str, Tensor], count: int) -> list[list[str]]:
    total = sum(tensor.nbytes for tensor in weights.values())
    pieces: list[list[str]] = [[]]
    seen, left = 0, len(weights)
    for name, tensor in weights.items():
        due = seen + tensor.nbytes / 2 > total * len(pieces) / count or left <= count - len(pieces)
        if pieces[-1] and len(pieces) < count and due:
            pieces.append([])
        pieces[-1].append(name)
        seen += tensor.nbytes
        left -= 1
    return pieces


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write beside path, sync, then rename: a reader sees the old file or the new one.

    What could not be written whole is removed: a disk that is full needs the room. Raises OSError
    naming the file.
    """
    temporary = path.with_name(path.name + PART_SUFFIX)
    try:
        write(temporary)
        temporary.chmod(0o644)  # safetensors writes for the owner alone
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, data: object) -> None:
    """Write data as indented JSON, whole or not at all."""
    text = json.dumps(data, indent=2) + "\n"
    write_whole(path, partial(_write_text, text))


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def _save(piece: dict[str, Tensor], path: Path) -> None:
    save_file(piece, path, metadata={"format": "pt"})
