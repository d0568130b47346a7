"""Count what a revision weighs: parameters by dtype, as its shards' headers say, and bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import prod
from typing import Any

from inference.model_files.weight_formats import SAFETENSORS
from portal.catalog.formats.safetensors import BITS, read_stream
from portal.catalog.models import File, ModelRepo
from portal.hub.models import TensorCount
from portal.storage import BlobMissing, blob_store

MOST_READ = 500  # a header is one read of the store; more would keep a client waiting too long
LARGEST_HEADER_BYTES = 4 << 20
MOST_AXES = 16


def counts_of(files: Iterable[File]) -> dict[str, TensorCount]:
    """Return the counts of these files' shards by sha256.

    Each header is read once ever, and not more than ``MOST_READ`` of them for one answer.
    """
    shards = {file.blob_id: file for file in files if file.path.endswith(SAFETENSORS)}
    known = TensorCount.objects.in_bulk(list(shards))
    unread = [file for key, file in shards.items() if key not in known]
    return known | _read(unread[:MOST_READ])


def parameters_of(files: Iterable[File], counts: dict[str, TensorCount]) -> dict[str, Any] | None:
    """Return the Hub's ``safetensors`` of one revision; None unless each shard was read."""
    shards = {file.blob_id for file in files if file.path.endswith(SAFETENSORS)}
    total: Counter[str] = Counter()
    for shard in shards:
        if shard not in counts or not counts[shard].parameters:
            return None
        total.update(counts[shard].parameters)
    return {"parameters": dict(total), "total": total.total()} if shards else None


def used_storage(repos: Iterable[ModelRepo]) -> dict[int, int]:
    """Return by repo how many bytes its revisions hold, each blob counted once; one query."""
    files = File.objects.filter(revision__repo__in=list(repos)).order_by()
    rows = files.values_list("revision__repo", "blob", "blob__size_bytes").distinct()
    used: Counter[int] = Counter()
    for repo_id, _, size_bytes in rows:
        used[repo_id] += size_bytes
    return dict(used)


def _read(files: list[File]) -> dict[str, TensorCount]:
    counts = []
    for file in files:
        try:
            counts.append(TensorCount(blob_id=file.blob_id, parameters=_counted(file)))
        except BlobMissing:
            continue
    TensorCount.objects.bulk_create(counts, ignore_conflicts=True)
    return {count.blob_id: count for count in counts}


def _counted(file: File) -> dict[str, int]:
    """Count a shard's parameters by dtype; nothing where the file isn't what its name says."""
    parameters: Counter[str] = Counter()
    with blob_store().open(file.blob_id) as shard:
        try:
            header, _ = read_stream(shard, file.blob.size_bytes, limit=LARGEST_HEADER_BYTES)
            for tensor in header.values():
                parameters[_dtype(tensor)] += _size(tensor)
        except (ValueError, TypeError, KeyError, RecursionError):
            return {}
    return dict(parameters)


def _dtype(tensor: dict[str, Any]) -> str:
    if tensor["dtype"] not in BITS:
        raise ValueError(tensor["dtype"])
    return str(tensor["dtype"])


def _size(tensor: dict[str, Any]) -> int:
    """Multiply a shape that can be one: a product of a million numbers would take its time."""
    shape = tensor["shape"]
    if len(shape) > MOST_AXES or not all(type(n) is int and 0 <= n < 2**48 for n in shape):
        raise ValueError(f"no shape: {str(shape)[:100]}")
    return prod(shape)
