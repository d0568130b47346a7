"""Check that safetensors shards and their index agree, by their headers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from portal.catalog.findings import Findings, first_problems
from portal.catalog.formats.safetensors import inspect
from portal.errors import Invalid
from portal.parsing.json import read_json_file

LARGEST_INDEX_BYTES = 64 << 20
INDEX = "model.safetensors.index.json"
ONE_OF_MANY = re.compile(r"model-\d+-of-\d+\.safetensors")
PICKLED_WEIGHTS = re.compile(r"(.*/)?pytorch_model[^/]*\.bin", re.DOTALL)


def look_at_weights(
    files: Mapping[str, Path], findings: Findings, *, absent: Sequence[str], allow_pickle: bool
) -> None:
    """Compare shards and index with each other, unless what is ``absent`` would explain all."""
    shards = {name: path for name, path in files.items() if name.endswith(".safetensors")}
    if not shards:
        messages = findings.warnings if allow_pickle else findings.problems
        messages += _no_shards_problems([*files, *absent])
        return
    shard_of: dict[str, str] = {}
    for name, path in shards.items():
        tensors, wrong = inspect(path)
        findings.problems += first_problems([f"{name}: {fault}" for fault in wrong])
        for tensor in tensors:
            if "/" not in name and (first_file := shard_of.setdefault(tensor.name, name)) != name:
                findings.problems.append(
                    f"{tensor.name} is in {first_file} and in {name}: keep one"
                )
    if any(name == INDEX or name.endswith(".safetensors") for name in absent):
        return
    if INDEX in files:
        findings.problems += first_problems(list(_index_problems(files[INDEX], shard_of)))
    elif any(ONE_OF_MANY.fullmatch(name) for name in shards):
        findings.problems.append(f"{INDEX} is missing: clients find no shard without it")


def _no_shards_problems(names: Collection[str]) -> list[str]:
    """Say what to do about missing safetensors: convert pickled weights, or add some."""
    if any(name.endswith(".safetensors") for name in names):
        return []
    pickled = [name for name in names if PICKLED_WEIGHTS.fullmatch(name)]
    if pickled:
        return [f"The weights are in {pickled[0]}: `python -m inference convert` makes safetensors"]
    return ["There are no safetensors files: add the weights"]


def _index_problems(index: Path, shard_of: Mapping[str, str]) -> Iterator[str]:
    """Name each tensor of the index that isn't in its shard, and each that the index lacks."""
    try:
        announced = read_json_file(index, most_bytes=LARGEST_INDEX_BYTES)["weight_map"]
        named = {str(tensor): str(shard) for tensor, shard in announced.items()}
    except (Invalid, KeyError, TypeError, AttributeError) as error:
        yield f"{INDEX} can’t be read: {error}"
        return
    for tensor, shard in sorted(named.items()):
        if shard_of.get(tensor) != shard:
            where = f"it is in {shard_of[tensor]}" if tensor in shard_of else "it is in no file"
            yield f"{INDEX} says that {tensor} is in {shard}; {where}"
    for tensor in sorted(set(shard_of) - set(named)):
        yield f"{tensor}, in {shard_of[tensor]}, is in no index: name it in {INDEX}"
