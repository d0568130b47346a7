"""Tell what another dtype makes of a tensor's numbers: infinities, zeros, rounding."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

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
        """Take in another run of the same tensor."""
        self.finite &= other.finite
        self.largest = max(self.largest, other.largest)
        self.cast_largest = max(self.cast_largest, other.cast_largest)
        self.error = max(self.error, other.error)
        self.vanished += other.vanished

    @property
    def relative_error(self) -> float:
        """Return the greatest difference by the tensor's largest magnitude."""
        return self.error / self.largest if self.largest else 0.0


def is_finite(tensor: Tensor) -> bool:
    """Look for NaN and infinity, copying no more than 8-bit floats; whole numbers have neither."""
    if not tensor.numel() or not (tensor.is_floating_point() or tensor.is_complex()):
        return True
    if tensor.is_complex() or tensor.element_size() == 1:  # these have no order, or no test
        return bool(torch.isfinite(tensor if tensor.is_complex() else tensor.float()).all())
    return all(math.isfinite(bound.item()) for bound in torch.aminmax(tensor))


def largest_of(tensor: Tensor) -> float:
    """Return the greatest magnitude; 0 for what is empty or holds no real numbers."""
    if not tensor.numel() or not tensor.is_floating_point():
        return 0.0
    plain = tensor.float() if tensor.element_size() == 1 else tensor
    return max(abs(bound.item()) for bound in torch.aminmax(plain))


def overflow(name: str, largest: float, dtype: torch.dtype) -> str | None:
    """Say that a tensor's greatest magnitude would be infinite in dtype; None where it isn't."""
    if math.isfinite(torch.tensor(largest, dtype=torch.float64).to(dtype).item()):
        return None
    target = str(dtype).removeprefix("torch.")
    return f"{name} reaches {largest:.4g}, and {target} ends at {torch.finfo(dtype).max:.4g}"


def look_at(numbers: Tensor, dtype: torch.dtype) -> Values:
    """Read numbers (1-D) and try what dtype would make of them; copies a chunk at a time."""
    if not numbers.numel():
        return Values()
    lowest, highest = (bound.item() for bound in torch.aminmax(numbers))
    if not math.isfinite(lowest) or not math.isfinite(highest):
        return Values(finite=False)
    found = Values(largest=max(abs(lowest), abs(highest)))
    found.cast_largest = torch.tensor(found.largest, dtype=torch.float64).to(dtype).item()
    if not can_hold(dtype, numbers.dtype):
        for first in range(0, numbers.numel(), _CHUNK_NUMBERS):
            chunk = numbers[first : first + _CHUNK_NUMBERS]
            _compare(chunk.double(), chunk.to(dtype).double(), found)
    return found


def cast_sentence(count: int, was: str, now: str) -> str:
    """Say of so many weights which dtype they have now, and had."""
    present, past = ("is", "was") if count == 1 else ("are", "were")
    return f"{counted(count, 'weight')} {present} {now}, {past} {was}"


def can_hold(dtype: torch.dtype, other: torch.dtype) -> bool:
    """Say whether every number of the other dtype has an equal in dtype."""
    wide, narrow = torch.finfo(dtype), torch.finfo(other)
    return (
        wide.max >= narrow.max
        and wide.eps <= narrow.eps
        and wide.smallest_normal * wide.eps <= narrow.smallest_normal * narrow.eps
    )


def _compare(before: Tensor, after: Tensor, found: Values) -> None:
    found.error = max(found.error, (after - before).abs().max().item())
    found.vanished += int(((after == 0) & (before != 0)).sum().item())
