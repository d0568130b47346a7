"""Represent tensors in files; nothing is read before ``read`` is called."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class StoredRun:
    """Consecutive numbers in a file: a 1-D tensor, mapped from path."""

    numbers: Tensor
    path: Path


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor's shape, and the runs that hold its numbers one after another."""

    shape: tuple[int, ...]
    runs: tuple[StoredRun, ...]

    @classmethod
    def of(cls, tensor: Tensor, path: Path) -> "StoredTensor":
        """Describe a whole tensor of the file at path."""
        return cls(tuple(tensor.shape), (StoredRun(tensor.reshape(-1), path),))

    @property
    def dtypes(self) -> set[torch.dtype]:
        """Dtypes of its runs: more than one if files of one checkpoint disagree."""
        return {run.numbers.dtype for run in self.runs}

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the first run."""
        return self.runs[0].numbers.dtype

    def rows(self, first: int, last: int) -> "StoredTensor":
        """Return the rows from first up to last, which are consecutive in the runs."""
        width = count(self.shape[1:])
        runs = narrow_runs(self.runs, first * width, last * width)
        return StoredTensor((last - first, *self.shape[1:]), runs)

    def read(self) -> Tensor:
        """Return the tensor: a view of the file if one run holds it all, else a copy."""
        runs = [run.numbers for run in self.runs]
        whole = runs[0] if len(runs) == 1 else torch.cat(runs)
        return whole.view(self.shape)


@dataclass(frozen=True, eq=False)
class MergedTensor:
    """A weight of the model, merged from a piece of each model-parallel part.

    axis: the one along which the pieces are concatenated; None if they are copies of one weight.
    """

    pieces: tuple[StoredTensor, ...]
    axis: int | None = None

    @property
    def dtypes(self) -> set[torch.dtype]:
        """Dtypes of its pieces: more than one if files of a checkpoint disagree."""
        return set().union(*(piece.dtypes for piece in self.pieces))

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the first piece."""
        return self.pieces[0].dtype

    @property
    def read_pieces(self) -> tuple[StoredTensor, ...]:
        """Pieces that ``read`` reads: of copies only the first."""
        return self.pieces if self.axis is not None else self.pieces[:1]

    @property
    def paths(self) -> list[Path]:
        """Files that hold the weight, each once."""
        return list(dict.fromkeys(run.path for piece in self.pieces for run in piece.runs))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole weight."""
        sizes = list(self.pieces[0].shape)
        if self.axis is not None:
            sizes[self.axis] = sum(piece.shape[self.axis] for piece in self.pieces)
        return tuple(sizes)

    def read(self) -> Tensor:
        """Return the whole weight, with at most one piece more in memory."""
        if self.axis is None or len(self.pieces) == 1:
            return self.pieces[0].read()
        whole, at = torch.empty(self.shape, dtype=self.dtype), 0
        for piece in self.pieces:
            width = piece.shape[self.axis]
            whole.narrow(self.axis, at, width).copy_(piece.read())
            at += width
        return whole

    def disagreement(self) -> float:
        """Return the greatest difference between copies; 0 for what is one weight in pieces.

        Numbers that aren't finite differ infinitely, unless all copies have them.
        """
        if self.axis is not None:
            return 0.0
        first = self.pieces[0].read()
        return max((_difference(first, piece.read()) for piece in self.pieces[1:]), default=0.0)


def narrow_runs(runs: tuple[StoredRun, ...], first: int, last: int) -> tuple[StoredRun, ...]:
    """Return the numbers from first up to last of consecutive runs, copying none."""
    narrowed, at = [], 0
    for run in runs:
        begin, end = max(first - at, 0), min(last - at, run.numbers.numel())
        if begin < end:
            narrowed.append(StoredRun(run.numbers[begin:end], run.path))
        at += run.numbers.numel()
    return tuple(narrowed) or (StoredRun(runs[0].numbers[:0], runs[0].path),)


def count(shape: tuple[int, ...]) -> int:
    """Return how many numbers a tensor of this shape has."""
    return torch.Size(shape).numel()


def _difference(a: Tensor, b: Tensor) -> float:
    if torch.equal(a, b):
        return 0.0
    apart = (a.double() - b.double()).abs().max().item()
    return float("inf") if math.isnan(apart) else apart
