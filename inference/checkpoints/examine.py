"""Read every byte of a source once, before anything is written.

Each file's CRC-32s are verified and its tensors' numbers examined right after, while its pages are
still cached: a source larger than memory is read once, not twice.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import torch

from inference.checkpoints.casting import Values, can_hold, look_at, overflow
from inference.checkpoints.outliers import unusual_layers
from inference.checkpoints.sources.pickles import damaged_records
from inference.checkpoints.sources.source import Source
from inference.checkpoints.sources.stored import StoredRun
from inference.errors import CheckpointError
from inference.model.weight_files import dtype_name

READERS = 8  # files read at a time
LISTED_AT_MOST = 20
Dtypes = Mapping[str, torch.dtype]  # of each weight after the conversion


@dataclass(frozen=True)
class Rounding:
    """The loss of a cast to numbers that it can hold.

    relative_error: the greatest, by the largest magnitude of the tensor that it happens in, whose
    name is tensor. vanished: how many numbers become 0, of how many that are cast.
    """

    relative_error: float
    tensor: str
    vanished: int
    numbers: int


@dataclass(frozen=True)
class Examination:
    """The findings of a reading that found nothing wrong.

    rounding: None if no tensor is cast to a smaller dtype. unusual: sentences on weights to look
    at, which may be right.
    """

    rounding: Rounding | None
    unusual: list[str]


def examine(
    source: Source, dtypes: Dtypes, *, check_crc: bool, advance: Callable[[int], None]
) -> Examination:
    """Read all files, and return what the cast loses and which weights stand out.

    advance: called with each file's size. Raises CheckpointError naming damaged records; tensors
    with numbers that aren't finite, or wouldn't be in their new dtype; and tensors that would be 0
    throughout.
    """
    by_file, stopped = _runs_by_file(source), Event()

    def look(path: Path) -> tuple[list[str], dict[str, Values]]:
        has_sums = check_crc and path.suffix != ".safetensors"
        damaged = damaged_records(path, stopped) if has_sums else []
        return damaged, {} if damaged else _look(by_file[path], dtypes, stopped)

    damaged, values = [], defaultdict[str, Values](Values)
    at: dict[str, Path] = {}  # the file that has a tensor's greatest number
    paths = list(source.form.files.values())
    with ThreadPoolExecutor(READERS) as pool:
        try:
            for path, (records, in_file) in zip(paths, pool.map(look, paths), strict=True):
                damaged += [f"{path.name}: {record}" for record in records]
                for name, part in in_file.items():
                    if part.largest >= values[name].largest:
                        at[name] = path
                    values[name].add(part)
                advance(path.stat().st_size)
        except BaseException:
            stopped.set()  # else leaving the pool waits until the files begun are read
            raise
    _require_undamaged(damaged)
    _require_sound(source, values, dtypes)
    largest = {name: (values[name].largest, path) for name, path in at.items()}
    return Examination(_rounding(source, values, dtypes), unusual_layers(largest))


def _runs_by_file(source: Source) -> dict[Path, list[tuple[str, StoredRun]]]:
    by_file = defaultdict[Path, list[tuple[str, StoredRun]]](list)
    for name, weight in source.weights.items():
        for piece in weight.read_pieces:
            for run in piece.runs:
                by_file[run.path].append((name, run))
    return by_file


def _look(runs: list[tuple[str, StoredRun]], dtypes: Dtypes, stopped: Event) -> dict[str, Values]:
    seen = defaultdict[str, Values](Values)
    for name, run in runs:
        if stopped.is_set():
            break
        seen[name].add(look_at(run.numbers, dtypes[name]))
    return seen


def _require_undamaged(damaged: list[str]) -> None:
    if damaged:
        raise CheckpointError(
            "these records are not as they were written (CRC-32); fetch their files again:\n  "
            + _listed(damaged)
        )


def _require_sound(source: Source, values: Mapping[str, Values], dtypes: Dtypes) -> None:
    wrong = [
        sentence
        for name, tensor_values in values.items()
        if (sentence := _fault(source, name, tensor_values, dtypes[name])) is not None
    ]
    if wrong:
        raise CheckpointError("these weights can't be converted:\n  " + _listed(wrong))


def _fault(source: Source, name: str, values: Values, dtype: torch.dtype) -> str | None:
    target = dtype_name(dtype)
    if not values.finite:
        files = ", ".join(path.name for path in source.weights[name].paths[:3])
        return f"{name} holds NaN or infinity (in {files}): the model can't compute with it"
    over = overflow(name, values.largest, dtype)
    if over is not None:
        return f"{over}: give another --dtype, or none"
    if values.largest and not values.cast_largest:
        return (
            f"{name} has no number over {values.largest:.3g}, and all of them become 0 in "
            f"{target}: give another --dtype, or none"
        )
    return None


def _rounding(source: Source, values: Mapping[str, Values], dtypes: Dtypes) -> Rounding | None:
    cast = [
        name for name, weight in source.weights.items() if not can_hold(dtypes[name], weight.dtype)
    ]
    if not cast:
        return None
    worst = max(cast, key=lambda name: values[name].relative_error)
    return Rounding(
        relative_error=values[worst].relative_error,
        tensor=worst,
        vanished=sum(values[name].vanished for name in cast),
        numbers=sum(math.prod(source.weights[name].shape) for name in cast),
    )


def _listed(sentences: list[str]) -> str:
    unlisted = len(sentences) - LISTED_AT_MOST
    more = [f"and {unlisted} more"] if unlisted > 0 else []
    return "\n  ".join(sentences[:LISTED_AT_MOST] + more)
