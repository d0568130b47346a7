"""Causal attention over the packed tokens of a batch, with and without a KV cache.

A model calls ``attend(layer, query, key, value)``, all [tokens, heads, head_dim], and gets the
same shape back. CachedAttention is for serving; CausalWindows is for training, and the reference
that cached attention is tested against.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


class Attend(Protocol):
    """The attention of one layer, scaled by 1/sqrt(head_dim)."""

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor: ...


class CausalWindows:
    """Attention within windows of equal length, packed one after another."""

    def __init__(self, windows: int, length: int) -> None:
        self._windows, self._length = windows, length

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend; arguments and result are [windows * length, heads, head_dim]."""
        shape = (self._windows, self._length, *query.shape[1:])
        query, key, value = (x.view(shape).transpose(1, 2) for x in (query, key, value))
        mixed = scaled_dot_product_attention(query, key, value, is_causal=True)
        return mixed.transpose(1, 2).flatten(0, 1)  # [tokens, heads, head_dim]


# slots of the KV cache: contiguous ones are read in place, others, [n], are gathered into a copy
Slots = slice | Tensor


@dataclass(frozen=True)
class SequenceSpan:
    """Tokens first .. last - 1 of the batch, which are one sequence's; context: all its slots."""

    first: int
    last: int
    context: Slots


@dataclass(frozen=True)
class DecodeBatch:
    """Sequences of which the batch holds one token each, attended to in one call.

    That takes padded copies of their contexts. It pays on GPUs, where kernel calls are expensive;
    on CPUs copies are, and each such token is a SequenceSpan of its own.

    tokens: [n] indices in the batch. context: [n, longest] slots; shorter ones are padded with the
    sequence's own first slot. visible: [n, 1, 1, longest] bool, or None where all are.
    """

    tokens: Tensor
    context: Tensor
    visible: Tensor | None


class CachedAttention:
    """Attention over a paged KV cache: writes the batch's keys and values, then attends.

    key_cache, value_cache: [layers, slots, heads, head_dim], layers from number first_layer on.
    slot_mapping: [tokens] slots that the batch's tokens are written to.
    """

    def __init__(
        self,
        key_cache: Tensor,
        value_cache: Tensor,
        slot_mapping: Tensor,
        decode_batch: DecodeBatch | None,
        spans: list[SequenceSpan],
        first_layer: int = 0,
    ) -> None:
        self._key_cache, self._value_cache = key_cache, value_cache
        self._slot_mapping = slot_mapping
        self._decode_batch, self._spans = decode_batch, spans
        self._first_layer = first_layer

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend; arguments and result are [tokens, heads, head_dim]."""
        own = layer - self._first_layer
        keys, values = self._key_cache[own], self._value_cache[own]
        keys.index_copy_(0, self._slot_mapping, key.to(keys.dtype))
        values.index_copy_(0, self._slot_mapping, value.to(values.dtype))
        query_typed = query.to(keys.dtype)
        mixed = torch.empty_like(query_typed)
        if self._decode_batch is not None:
            batch = self._decode_batch
            mixed[batch.tokens] = _attend_decode_batch(query_typed, keys, values, batch)
        for span in self._spans:
            mixed[span.first : span.last] = _attend_span(query_typed, keys, values, span)
        return mixed.to(query.dtype)


def _attend_decode_batch(query: Tensor, keys: Tensor, values: Tensor, batch: DecodeBatch) -> Tensor:
    n, longest = batch.context.shape
    flat = batch.context.flatten()
    key = keys.index_select(0, flat).view(n, longest, *keys.shape[1:])
    value = values.index_select(0, flat).view(n, longest, *values.shape[1:])
    mixed = scaled_dot_product_attention(
        query[batch.tokens].unsqueeze(2),  # [n, heads, 1, head_dim]
        key.transpose(1, 2),
        value.transpose(1, 2),
        attn_mask=batch.visible,
    )
    return mixed.squeeze(2)


def _attend_span(query: Tensor, keys: Tensor, values: Tensor, span: SequenceSpan) -> Tensor:
    own = query[span.first : span.last]
    context = [_read(cache, span.context) for cache in (keys, values)]
    if len(own) == 1:
        return _attend_one_token(own, *context)
    rows, key, value = (x.transpose(0, 1) for x in (own, *context))  # [heads, tokens, head_dim]
    count, context_len = rows.shape[1], key.shape[1]
    if count == context_len:
        mixed = scaled_dot_product_attention(rows[None], key[None], value[None], is_causal=True)
    else:  # a later chunk of a prompt: is_causal would align its first token with the first key
        ones = torch.ones(count, context_len, dtype=torch.bool, device=query.device)
        visible = ones.tril(diagonal=context_len - count)
        mixed = scaled_dot_product_attention(rows[None], key[None], value[None], attn_mask=visible)
    return mixed[0].transpose(0, 1)


def _attend_one_token(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attend from one token. query: [1, heads, head_dim]; key, value: [context, heads, head_dim].

    This reads keys and values once, in the order of the cache. torch's kernels go head by head, in
    strides, and take a third longer on a CPU.
    """
    scores = (key * (query / math.sqrt(query.shape[-1]))).sum(dim=-1)  # [context, heads]
    return (value * scores.softmax(dim=0)[..., None]).sum(dim=0, keepdim=True)


def _read(cache: Tensor, slots: Slots) -> Tensor:
    """Return the cache's entries [slots, heads, head_dim] at the slots."""
    return cache[slots] if isinstance(slots, slice) else cache.index_select(0, slots)
