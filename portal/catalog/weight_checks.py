"""Check that safetensors shards and their index agree, by their headers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from inference.model_files.weight_formats import SAFETENSORS
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
    shards = {name: path for name, path in files.items() if name.endswith(SAFETENSORS)}
    findings.problems += first_problems(
        [
            f"{name} must end in {SAFETENSORS}, in small letters: loaders look for no other name"
            for name in files
            if name.casefold().endswith(SAFETENSORS) and name not in shards
        ]
    )
    if not shards:
        _say_there_are_none([*files, *absent], findings, allow_pickle=allow_pickle)
        return
    shard_of: dict[str, str] = {}
    unread: set[str] = set()
    for name, path in shards.items():
        tensors, wrong = inspect(path)
        if wrong and not tensors:
            unread.add(name)
        findings.problems += first_problems([f"{name}: {fault}" for fault in wrong])
        for tensor in tensors:
            if "/" not in name and (first_file := shard_of.setdefault(tensor.name, name)) != name:
                findings.problems.append(
                    f"{tensor.name} is in {first_file} and in {name}: keep one"
                )
    if any(name == INDEX or name.endswith(SAFETENSORS) for name in absent):
        return
    if INDEX in files:
        _compare_index(files[INDEX], shard_of, shards, unread, findings)
    elif any(ONE_OF_MANY.fullmatch(name) for name in shards):
        findings.missing.append(f"{INDEX} is missing: clients find no shard without it")


def _say_there_are_none(names: Collection[str], findings: Findings, *, allow_pickle: bool) -> None:
    """Say what to do about missing safetensors: convert pickled weights, or add some."""
    if any(name.endswith(SAFETENSORS) for name in names):
        return
    pickled = [name for name in names if PICKLED_WEIGHTS.fullmatch(name)]
    if not pickled:
        findings.missing.append("There are no safetensors files: add the weights")
        return
    messages = findings.warnings if allow_pickle else findings.problems
    messages.append(
        f"The weights are in {pickled[0]}: `python -m inference convert` makes safetensors"
    )


def _compare_index(
    index: Path,
    shard_of: Mapping[str, str],
    shards: Collection[str],
    unread: Collection[str],
    findings: Findings,
) -> None:
    """Name each tensor of the index that isn't in its shard, and each that the index lacks.

    Shards that the index names and that aren't there are missing, and explain the rest. So do those
    that couldn't be read, which is a problem of its own.
    """
    try:
        announced = read_json_file(index, most_bytes=LARGEST_INDEX_BYTES)["weight_map"]
        named = {str(tensor): str(shard) for tensor, shard in announced.items()}
    except (Invalid, KeyError, TypeError, AttributeError) as error:
        findings.problems.append(f"{INDEX} can’t be read: {error}")
        return
    if absent := sorted(set(named.values()) - set(shards)):
        findings.missing += first_problems(
            [f"{shard} is missing: {INDEX} says that tensors are in it" for shard in absent]
        )
    explained = {*absent, *unread}
    named = {tensor: shard for tensor, shard in named.items() if shard not in explained}
    findings.problems += first_problems(list(_disagreements(named, shard_of, explained)))


def _disagreements(
    named: Mapping[str, str], shard_of: Mapping[str, str], explained: Collection[str]
) -> Iterator[str]:
    for tensor, shard in sorted(named.items()):
        if shard_of.get(tensor) != shard:
            where = f"it is in {shard_of[tensor]}" if tensor in shard_of else "it is in no file"
            yield f"{INDEX} says that {tensor} is in {shard}; {where}"
    for tensor in sorted(set(shard_of) - set(named)) if not explained else ():
        yield f"{tensor}, in {shard_of[tensor]}, is in no index: name it in {INDEX}"
