"""Tensors as they lie in files: nothing is read until it is asked for."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class StoredRun:
    """Numbers that stand next to one another in a file: 1-D, and mapped from path."""

    numbers: Tensor
    path: Path


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A shape, and the runs that hold its numbers one after another."""

    shape: tuple[int, ...]
    runs: tuple[StoredRun, ...]

    @classmethod
    def of(cls, tensor: Tensor, path: Path) -> "StoredTensor":
        """Describe a whole tensor of the file at path."""
        return cls(tuple(tensor.shape), (StoredRun(tensor.reshape(-1), path),))

    @property
    def dtypes(self) -> set[torch.dtype]:
        """Return the dtypes of its runs: more than one where files of one checkpoint disagree."""
        return {run.numbers.dtype for run in self.runs}

    @property
    def dtype(self) -> torch.dtype:
        """Return the first run's dtype."""
        return self.runs[0].numbers.dtype

    def rows(self, first: int, last: int) -> "StoredTensor":
        """Return rows first to last, without the last: they follow one another in the runs."""
        width = count(self.shape[1:])
        runs = narrow_runs(self.runs, first * width, last * width)
        return StoredTensor((last - first, *self.shape[1:]), runs)

    def read(self) -> Tensor:
        """Return it in its shape: a view of the file where one run holds it all, else a copy."""
        runs = [run.numbers for run in self.runs]
        whole = runs[0] if len(runs) == 1 else torch.cat(runs)
        return whole.view(self.shape)


@dataclass(frozen=True, eq=False)
class MergedTensor:
    """A weight of the model, out of a piece from each model-parallel part.

    axis: along which the pieces stand beside one another; None for copies of one and the same.
    """

    pieces: tuple[StoredTensor, ...]
    axis: int | None = None

    @property
    def dtypes(self) -> set[torch.dtype]:
        """Return the dtypes of its pieces: more than one where files of a checkpoint disagree."""
        return set().union(*(piece.dtypes for piece in self.pieces))

    @property
    def dtype(self) -> torch.dtype:
        """Return the first piece's dtype."""
        return self.pieces[0].dtype

    @property
    def read_pieces(self) -> tuple[StoredTensor, ...]:
        """Return the pieces that ``read`` reads: of copies the first alone."""
        return self.pieces if self.axis is not None else self.pieces[:1]

    @property
    def paths(self) -> list[Path]:
        """Return the files that hold it, each once."""
        return list(dict.fromkeys(run.path for piece in self.pieces for run in piece.runs))

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the whole."""
        sizes = list(self.pieces[0].shape)
        if self.axis is not None:
            sizes[self.axis] = sum(piece.shape[self.axis] for piece in self.pieces)
        return tuple(sizes)

    def read(self) -> Tensor:
        """Return the whole in its shape, with at most one piece more in memory."""
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

        Numbers that are not finite differ infinitely, unless they stand in all copies.
        """
        if self.axis is not None:
            return 0.0
        first = self.pieces[0].read()
        return max((_difference(first, piece.read()) for piece in self.pieces[1:]), default=0.0)


def narrow_runs(runs: tuple[StoredRun, ...], first: int, last: int) -> tuple[StoredRun, ...]:
    """Return the numbers from first up to last of consecutive runs, copying none."""
    found, at = [], 0
    for run in runs:
        begin, end = max(first - at, 0), min(last - at, run.numbers.numel())
        if begin < end:
            found.append(StoredRun(run.numbers[begin:end], run.path))
        at += run.numbers.numel()
    return tuple(found) or (StoredRun(runs[0].numbers[:0], runs[0].path),)


def count(shape: tuple[int, ...]) -> int:
    """Return how many numbers a tensor of this shape has."""
    return torch.Size(shape).numel()


def _difference(one: Tensor, other: Tensor) -> float:
    if torch.equal(one, other):
        return 0.0
    apart = (one.double() - other.double()).abs().max().item()
    return apart if apart == apart else float("inf")
