"""Declare how captured values are reduced, so that few bytes are kept. Free of torch.

``last`` and ``mean`` keep one row of all positions, at any site; ``top_k`` and ``projection`` a
row for each position, at sites whose values there are one vector. Reduced values are float32.
"""

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

if TYPE_CHECKING:
    from torch import Tensor

ReduceKind = Literal["last", "mean", "top_k", "projection"]
REDUCE_KINDS: tuple[ReduceKind, ...] = get_args(ReduceKind)


@dataclass(frozen=True)
class Last:
    """Only the values of the last position computed among those captured."""

    kind: ClassVar[ReduceKind] = "last"


@dataclass(frozen=True)
class Mean:
    """The mean over the positions captured."""

    kind: ClassVar[ReduceKind] = "mean"


@dataclass(frozen=True)
class TopK:
    """The k largest units at each position: their values, largest first, and their indices."""

    k: int
    kind: ClassVar[ReduceKind] = "top_k"


@dataclass(frozen=True)
class Projection:
    """The vector x @ matrix.T + bias at each position: coordinates, or a probe’s outputs.

    matrix: [out, units], a list or a tensor. bias: [out], or None.
    """

    matrix: "Sequence[object] | Tensor"
    bias: "Sequence[object] | Tensor | None" = None
    kind: ClassVar[ReduceKind] = "projection"

    @property
    def out(self) -> int:
        """Number of the matrix's rows; 1 for a reference whose shape isn't known yet."""
        shape: tuple[int, ...] | None = getattr(self.matrix, "shape", None)
        if shape:
            return int(shape[0])
        return len(self.matrix) if isinstance(self.matrix, Sized) else 1


Reduction = Last | Mean | TopK | Projection
ONE_ROW = (Last, Mean)  # of all positions; the others have a row for each


def kept_shape(
    reduction: Reduction | None, positions: int, unit_shape: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the shape of what is kept of so many positions, each of unit_shape."""
    if isinstance(reduction, ONE_ROW):
        return (min(positions, 1), *unit_shape)
    if isinstance(reduction, TopK):
        return (positions, reduction.k)
    if isinstance(reduction, Projection):
        return (positions, reduction.out)
    return (positions, *unit_shape)
