"""Write a checkpoint directory that transformers reads; each file appears whole or not at all."""

import json
import os
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from inference.config import OptConfig
from inference.model.weight_files import INDEX_NAME, dtype_name

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
    """Write shards, index and configs, and return the shards' paths.

    config.json comes last: a folder that has it is complete.
    """
    names_by_shard = split_weights(weights, shards, max_shard_bytes)
    where, paths = {}, []
    for number, names in enumerate(names_by_shard, start=1):
        path = directory / shard_name(number, len(names_by_shard))
        # copies: safetensors refuses tensors that share memory, as parts of a fused matrix do
        shard = {name: weights[name].contiguous().clone() for name in names}
        write_whole(path, partial(_save, shard))
        where.update(dict.fromkeys(names, path.name))
        paths.append(path)
    total = sum(tensor.nbytes for tensor in weights.values())
    dtype = dtype_name(next(iter(weights.values())).dtype)
    write_index(directory, where, total)
    write_json(directory / "generation_config.json", generation_fields(config))
    write_json(directory / "config.json", {**config.to_dict(), "dtype": dtype})
    return paths


def shard_name(number: int, count: int) -> str:
    """Return transformers' name of one of count shards, numbered from 1."""
    return f"model-{number:05}-of-{count:05}.safetensors"


def write_index(directory: Path, where: dict[str, str], total: int) -> None:
    """Write the index beside the shards. where: file of each weight; total: bytes of all."""
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(where.items()))}
    write_json(directory / INDEX_NAME, index)


def generation_fields(config: OptConfig) -> dict[str, object]:
    """Return generation_config.json's object for a model trained here: its special tokens."""
    return {
        "bos_token_id": config.bos_token_id,
        "eos_token_id": config.to_dict()["eos_token_id"],
        "pad_token_id": config.pad_token_id,
    }


def split_weights(weights: dict[str, Tensor], shards: int, max_bytes: int) -> list[list[str]]:
    """Divide the names into runs of about equal bytes: so many, or more if one is over max_bytes.

    Raises ValueError naming a weight that alone is over max_bytes.
    """
    largest, size = max(((n, t.nbytes) for n, t in weights.items()), key=itemgetter(1))
    if size > max_bytes:
        raise ValueError(f"one tensor alone is over {max_bytes} bytes: {largest} has {size}")
    fewest = min(max(shards, 1), len(weights))
    for count in range(fewest, len(weights) + 1):
        runs = _split(weights, count)
        if all(sum(weights[name].nbytes for name in run) <= max_bytes for run in runs):
            return runs
    return [[name] for name in weights]


def _split(weights: dict[str, Tensor], count: int) -> list[list[str]]:
    """Divide the names into count runs; a new one begins where the middle of a weight passes it."""
    total = sum(tensor.nbytes for tensor in weights.values())
    runs: list[list[str]] = [[]]
    size, remaining = 0, len(weights)
    for name, tensor in weights.items():
        is_full = size + tensor.nbytes / 2 > total * len(runs) / count
        must_begin = remaining <= count - len(runs)  # else a later run would stay empty
        if runs[-1] and len(runs) < count and (is_full or must_begin):
            runs.append([])
        runs[-1].append(name)
        size += tensor.nbytes
        remaining -= 1
    return runs


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write beside path, sync, then rename: a reader sees the old file or the new one.

    A file that could not be written whole is removed, since a full disk needs the room. Raises
    OSError naming the file.
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


def _save(shard: dict[str, Tensor], path: Path) -> None:
    save_file(shard, path, metadata={"format": "pt"})
