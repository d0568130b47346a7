"""Find out what another dtype makes of a tensor's numbers: infinities, zeros, rounding."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.model.weight_files import dtype_name
from inference.terminal import counted

_CHUNK_NUMBERS = 1 << 16  # cast and compared at a time, so that no tensor is copied whole


@dataclass
class Values:
    """The bounds and losses of a tensor's numbers, gathered run by run.

    largest: the greatest magnitude, and cast_largest the same once cast; error: the greatest
    difference that the cast makes; vanished: how many numbers it turns into 0.
    """

    finite: bool = True
    largest: float = 0.0
    cast_largest: float = 0.0
    error: float = 0.0
    vanished: int = 0

    def add(self, other: "Values") -> None:
        """Add another run of the same tensor."""
        self.finite &= other.finite
        self.largest = max(self.largest, other.largest)
        self.cast_largest = max(self.cast_largest, other.cast_largest)
        self.error = max(self.error, other.error)
        self.vanished += other.vanished

    @property
    def relative_error(self) -> float:
        """The greatest difference, relative to the tensor's largest magnitude."""
        return self.error / self.largest if self.largest else 0.0


def is_finite(tensor: Tensor) -> bool:
    """Tell whether a tensor has neither NaN nor infinity. Only 8-bit floats are copied for it."""
    if not tensor.numel() or not (tensor.is_floating_point() or tensor.is_complex()):
        return True
    if (
        tensor.is_complex() or tensor.element_size() == 1
    ):  # torch can't order these, or not test them
        return bool(torch.isfinite(tensor if tensor.is_complex() else tensor.float()).all())
    return all(math.isfinite(bound.item()) for bound in torch.aminmax(tensor))


def largest_of(tensor: Tensor) -> float:
    """Return the greatest magnitude; 0 for a tensor that is empty or of no floating-point dtype."""
    if not tensor.numel() or not tensor.is_floating_point():
        return 0.0
    plain = tensor.float() if tensor.element_size() == 1 else tensor
    return max(abs(bound.item()) for bound in torch.aminmax(plain))


def overflow(name: str, largest: float, dtype: torch.dtype) -> str | None:
    """Return a sentence if a tensor's greatest magnitude is infinite in dtype, else None."""
    if math.isfinite(torch.tensor(largest, dtype=torch.float64).to(dtype).item()):
        return None
    target = dtype_name(dtype)
    return f"{name} reaches {largest:.4g}, and {target} ends at {torch.finfo(dtype).max:.4g}"


def look_at(numbers: Tensor, dtype: torch.dtype) -> Values:
    """Read numbers (1-D) and find out what dtype makes of them, copying a chunk at a time."""
    if not numbers.numel():
        return Values()
    lowest, highest = (bound.item() for bound in torch.aminmax(numbers))
    if not math.isfinite(lowest) or not math.isfinite(highest):
        return Values(finite=False)
    values = Values(largest=max(abs(lowest), abs(highest)))
    values.cast_largest = torch.tensor(values.largest, dtype=torch.float64).to(dtype).item()
    if not can_hold(dtype, numbers.dtype):
        for first in range(0, numbers.numel(), _CHUNK_NUMBERS):
            chunk = numbers[first : first + _CHUNK_NUMBERS]
            _compare(chunk.double(), chunk.to(dtype).double(), values)
    return values


def cast_sentence(count: int, was: str, now: str) -> str:
    """Return a sentence on the dtype that so many weights have now, and had."""
    present, past = ("is", "was") if count == 1 else ("are", "were")
    return f"{counted(count, 'weight')} {present} {now}, {past} {was}"


def can_hold(dtype: torch.dtype, other: torch.dtype) -> bool:
    """Tell whether dtype can hold every number of the other dtype exactly."""
    wide, narrow = torch.finfo(dtype), torch.finfo(other)
    return (
        wide.max >= narrow.max
        and wide.eps <= narrow.eps
        and wide.smallest_normal * wide.eps <= narrow.smallest_normal * narrow.eps
    )


def _compare(before: Tensor, after: Tensor, values: Values) -> None:
    values.error = max(values.error, (after - before).abs().max().item())
    values.vanished += int(((after == 0) & (before != 0)).sum().item())
