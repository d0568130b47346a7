"""Causal attention over the packed tokens of a batch, with and without a cache.

A model calls ``attend(layer, query, key, value)``, all [tokens, heads, head_dim], and gets the
same shape back. CachedAttention serves; CausalWindows trains, and is the uncached truth.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


class Attend(Protocol):
    """One layer's attention; scale 1/sqrt(head_dim)."""

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor: ...


class CausalWindows:
    """Windows of equal length, packed one after another; each attends within itself."""

    def __init__(self, windows: int, length: int) -> None:
        self._windows, self._length = windows, length

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """query, key, value: [windows * length, heads, head_dim], and so is the result."""
        shape = (self._windows, self._length, *query.shape[1:])
        query, key, value = (x.view(shape).transpose(1, 2) for x in (query, key, value))
        mixed = scaled_dot_product_attention(query, key, value, is_causal=True)
        return mixed.transpose(1, 2).flatten(0, 1)  # [tokens, heads, head_dim]


Slots = slice | Tensor  # one after another, which is read in place, or [n], which is gathered


@dataclass(frozen=True)
class Span:
    """Tokens first .. last - 1 of the batch: one sequence's; context: all its slots."""

    first: int
    last: int
    context: Slots


@dataclass(frozen=True)
class Singles:
    """The sequences of which the batch holds one token each, which see all their context.

    One call for all of them, over gathered copies: for GPUs, where calls are dear. On CPUs copies
    are, and each such token is a span.

    tokens: [n] where in the batch; context: [n, longest] slots, short ones filled up with their
    own first slot, never another's; visible: [n, 1, 1, longest] bool, or None where all is.
    """

    tokens: Tensor
    context: Tensor
    visible: Tensor | None


class CachedAttention:
    """Writes the batch's keys and values to its slots, then lets every token see its past.

    keys, values: [layers, slots, heads, head_dim], layers from number first_layer on; written:
    [tokens] slots of the batch.
    """

    def __init__(
        self,
        keys: Tensor,
        values: Tensor,
        written: Tensor,
        singles: Singles | None,
        spans: list[Span],
        first_layer: int = 0,
    ) -> None:
        self._keys, self._values, self._written = keys, values, written
        self._singles, self._spans = singles, spans
        self._first_layer = first_layer

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """query, key, value: [tokens, heads, head_dim], and so is the result."""
        own = layer - self._first_layer
        keys, values = self._keys[own], self._values[own]
        keys.index_copy_(0, self._written, key.to(keys.dtype))
        values.index_copy_(0, self._written, value.to(values.dtype))
        wide = query.to(keys.dtype)
        mixed = torch.empty_like(wide)
        if self._singles is not None:
            mixed[self._singles.tokens] = _attend_singles(wide, keys, values, self._singles)
        for span in self._spans:
            mixed[span.first : span.last] = _attend_span(wide, keys, values, span)
        return mixed.to(query.dtype)


def _attend_singles(query: Tensor, keys: Tensor, values: Tensor, singles: Singles) -> Tensor:
    n, longest = singles.context.shape
    flat = singles.context.flatten()
    key = keys.index_select(0, flat).view(n, longest, *keys.shape[1:])
    value = values.index_select(0, flat).view(n, longest, *values.shape[1:])
    mixed = scaled_dot_product_attention(
        query[singles.tokens].unsqueeze(2),  # [n, heads, 1, head_dim]
        key.transpose(1, 2),
        value.transpose(1, 2),
        attn_mask=singles.visible,
    )
    return mixed.squeeze(2)


def _attend_span(query: Tensor, keys: Tensor, values: Tensor, span: Span) -> Tensor:
    own = query[span.first : span.last]
    past = [_at(cache, span.context) for cache in (keys, values)]
    if len(own) == 1:
        return _attend_alone(own, *past)
    rows, key, value = (x.transpose(0, 1) for x in (own, *past))  # [heads, tokens, head_dim]
    count, seen = rows.shape[1], key.shape[1]
    if count == seen:
        mixed = scaled_dot_product_attention(rows[None], key[None], value[None], is_causal=True)
    else:  # a later piece of a prompt: is_causal would align it with the first key
        ones = torch.ones(count, seen, dtype=torch.bool, device=query.device)
        visible = ones.tril(diagonal=seen - count)
        mixed = scaled_dot_product_attention(rows[None], key[None], value[None], attn_mask=visible)
    return mixed[0].transpose(0, 1)


def _attend_alone(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """One token's. query: [1, heads, head_dim]; key, value: [seen, heads, head_dim].

    It goes through keys and values once, as they lie; torch's kernels go head by head, in strides,
    and take a third longer.
    """
    scores = (key * (query / math.sqrt(query.shape[-1]))).sum(dim=-1)  # [seen, heads]
    return (value * scores.softmax(dim=0)[..., None]).sum(dim=0, keepdim=True)


def _at(cache: Tensor, slots: Slots) -> Tensor:
    """cache: [slots, heads, head_dim]. Returns those of the slots."""
    return cache[slots] if isinstance(slots, slice) else cache.index_select(0, slots)
