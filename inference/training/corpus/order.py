"""Shuffle sequences by arithmetic: a place's sequence follows from seed and place alone.

Nothing is stored, so a restart, or another number of ranks, goes on in the same order. It is a
Feistel network of four rounds over the next power of four, walked until it falls below the count.
numpy's own permutation would need memory for every sequence, and may change with its version.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.uint64]
ROUNDS = 4
# splitmix64's constants (Steele, Lea and Flood 2014)
_STEP, _FIRST, _SECOND = (
    np.uint64(value) for value in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


def sequences_at(places: Indices, count: int, seed: int) -> Indices:
    """Return which of count sequences stands at each place, from 0 on without end.

    Every epoch, that is every count places, has each sequence once, in an order of its own.
    """
    epochs, within = np.divmod(places, np.uint64(count))
    result: Indices = np.empty_like(places)
    for epoch in np.unique(epochs):
        chosen = epochs == epoch
        result[chosen] = _permuted(within[chosen], count, _key(seed, int(epoch)))
    return result


def _key(seed: int, epoch: int) -> np.uint64:
    return np.uint64(_mixed(np.uint64((seed + int(_STEP) * epoch) % 2**64)))


def _permuted(values: Indices, count: int, key: np.uint64) -> Indices:
    half_bits = np.uint64(max((count - 1).bit_length() + 1, 2) // 2)
    values = _encrypted(values, half_bits, key)
    while (outside := values >= count).any():
        values[outside] = _encrypted(values[outside], half_bits, key)
    return values


def _encrypted(values: Indices, half_bits: np.uint64, key: np.uint64) -> Indices:
    mask = (np.uint64(1) << half_bits) - np.uint64(1)
    left, right = values >> half_bits, values & mask
    for number in range(ROUNDS):
        round_key = np.uint64((int(key) + int(_STEP) * number) % 2**64)
        left, right = right, left ^ (_mixed(right + round_key) & mask)
    return (left << half_bits) | right


def _mixed(value: Any) -> Any:
    """Mix the bits of a uint64, or of an array of them."""
    with np.errstate(over="ignore"):
        value = (value ^ (value >> np.uint64(30))) * _FIRST
        value = (value ^ (value >> np.uint64(27))) * _SECOND
        return value ^ (value >> np.uint64(31))
