"""What a folder must hold before it becomes a revision. Reads headers, never unpickles."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
LARGEST_FILE_BYTES = 50_000_000_000  # the Hub's clients refuse more over plain HTTP
HEADER_LIMIT_BYTES = 100_000_000
INDEX = "model.safetensors.index.json"


def scan(folder: Path) -> list[Path]:
    """The files to publish, sorted; hidden ones and links that leave the folder stay out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.resolve().is_relative_to(folder.resolve())
    )


def safetensors_header(path: Path) -> dict[str, dict[str, object]]:
    """Names, dtypes and shapes of a shard's tensors. Raises ValueError when it isn't one."""
    size = path.stat().st_size
    with path.open("rb") as shard:
        length = int.from_bytes(shard.read(8), "little")
        if not 2 <= length <= min(HEADER_LIMIT_BYTES, size - 8):
            raise ValueError("it is not a safetensors file, or it is cut short")
        header = json.loads(shard.read(length))
    header.pop("__metadata__", None)
    end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    if 8 + length + end != size:
        raise ValueError(f"it should be {8 + length + end} bytes long and is {size}")
    return dict(header)


def pickle_problem(path: str) -> str | None:
    if not path.endswith(PICKLES):
        return None
    return f"{path} is a pickle: convert it to safetensors; loading a pickle runs code"


def file_problem(path: str, size_bytes: int) -> str | None:
    if size_bytes <= LARGEST_FILE_BYTES:
        return None
    return f"{path} is over 50 GB: split it, since clients can’t fetch it"


def problems(folder: Path, *, supplied: Collection[str] = ()) -> list[str]:
    """Each thing that stands in the way of publishing, with its remedy; ``supplied`` comes by
    itself."""
    files = {path.relative_to(folder).as_posix(): path for path in scan(folder)}
    here = {*files, *supplied}
    found = [f"{name} is missing: {why}" for name, why in REQUIRED.items() if name not in here]
    pickles = [pickle_problem(name) for name in files]
    large = [file_problem(name, path.stat().st_size) for name, path in files.items()]
    found += [problem for problem in pickles + large if problem]
    return found + _weight_problems(files)


REQUIRED = {
    "README.md": "write the model card",
    "LICENSE": "put the licence’s text beside the weights",
    "config.json": "clients can’t load a model without it",
    "tokenizer.json": "clients can’t prompt a model without it",
}


def _weight_problems(files: dict[str, Path]) -> list[str]:
    shards = {name: path for name, path in files.items() if name.endswith(".safetensors")}
    if not shards:
        return ["There are no safetensors files: add the weights"]
    found, held = [], {}
    for name, path in shards.items():
        try:
            held.update(dict.fromkeys(safetensors_header(path), name))
        except (ValueError, KeyError, TypeError) as error:
            found.append(f"{name} can’t be read: {error}")
    if found or INDEX not in files:
        return found
    return _index_problems(files[INDEX], held)


def _index_problems(index: Path, held: dict[str, str]) -> list[str]:
    try:
        announced = json.loads(index.read_text())["weight_map"]
    except (ValueError, KeyError) as error:
        return [f"{INDEX} can’t be read: {error}"]
    found = []
    for tensor, shard in announced.items():
        if held.get(tensor) != shard:
            found.append(f"{INDEX} says {tensor} is in {shard}; it is in {held.get(tensor)}")
    found += [f"{tensor} is in no index" for tensor in sorted(set(held) - set(announced))]
    return found[:20]
