"""Tensors as they lie in files: nothing is read until it is asked for."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """shape, and the 1-D runs of mapped numbers that hold it, one after another."""

    shape: tuple[int, ...]
    runs: tuple[Tensor, ...]

    @classmethod
    def of(cls, tensor: Tensor) -> "StoredTensor":
        """A whole tensor, as a file has it."""
        return cls(tuple(tensor.shape), (tensor.reshape(-1),))

    @property
    def dtype(self) -> torch.dtype:
        """Of all runs: files of one checkpoint agree, or reading raises."""
        return self.runs[0].dtype

    def rows(self, first: int, last: int) -> "StoredTensor":
        """Rows first to last, without the last: they follow one another in the runs."""
        width = count(self.shape[1:])
        runs = narrow_runs(self.runs, first * width, last * width)
        return StoredTensor((last - first, *self.shape[1:]), runs)

    def read(self) -> Tensor:
        """shape; a view of the file where one run holds it all, else a copy."""
        whole = self.runs[0] if len(self.runs) == 1 else torch.cat(self.runs)
        return whole.view(self.shape)


@dataclass(frozen=True, eq=False)
class MergedTensor:
    """One weight of the model, out of a piece from each model-parallel part.

    axis: along which the pieces stand beside one another; None for copies of one and the same.
    """

    pieces: tuple[StoredTensor, ...]
    axis: int | None = None

    @property
    def dtype(self) -> torch.dtype:
        """The first piece's; another's is converted."""
        return self.pieces[0].dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole."""
        sizes = list(self.pieces[0].shape)
        if self.axis is not None:
            sizes[self.axis] = sum(piece.shape[self.axis] for piece in self.pieces)
        return tuple(sizes)

    def read(self) -> Tensor:
        """shape; holds the whole and at most one piece more in memory."""
        if self.axis is None or len(self.pieces) == 1:
            return self.pieces[0].read()
        whole, at = torch.empty(self.shape, dtype=self.dtype), 0
        for piece in self.pieces:
            width = piece.shape[self.axis]
            whole.narrow(self.axis, at, width).copy_(piece.read())
            at += width
        return whole

    def disagreement(self) -> float:
        """Greatest difference between copies; 0 for what is one weight in pieces.

        Numbers that are not finite differ infinitely, unless they stand in all copies.
        """
        if self.axis is not None:
            return 0.0
        first = self.pieces[0].read()
        return max((_difference(first, piece.read()) for piece in self.pieces[1:]), default=0.0)


def narrow_runs(runs: tuple[Tensor, ...], first: int, last: int) -> tuple[Tensor, ...]:
    """The numbers from first up to last of runs that follow one another; none are copied."""
    found, at = [], 0
    for run in runs:
        begin, end = max(first - at, 0), min(last - at, run.numel())
        if begin < end:
            found.append(run[begin:end])
        at += run.numel()
    return tuple(found) or (runs[0][:0],)


def count(shape: tuple[int, ...]) -> int:
    """Numbers in a tensor of this shape."""
    return torch.Size(shape).numel()


def _difference(one: Tensor, other: Tensor) -> float:
    if torch.equal(one, other):
        return 0.0
    apart = (one.double() - other.double()).abs().max().item()
    return apart if apart == apart else float("inf")
