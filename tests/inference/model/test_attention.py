"""Attention over the cache against attention without one, in each way that it goes."""

from itertools import pairwise

import pytest
import torch

from inference.model.attention import CachedAttention, CausalWindows, DecodeBatch, SequenceSpan

HEADS, WIDTH, SLOTS = 3, 8, 64


@pytest.fixture
def tokens():
    """Query, key and value of 20 tokens."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(3, 20, HEADS, WIDTH, generator=generator).unbind(0)


@pytest.fixture
def expected(tokens):
    return CausalWindows(1, 20)(0, *tokens)


@pytest.fixture
def cache():
    return torch.full((2, 1, SLOTS, HEADS, WIDTH), torch.nan)


IN_PLACE = slice(7, 27)
SCATTERED = torch.randperm(SLOTS, generator=torch.Generator().manual_seed(1))[:20]


def indices(slots):
    return torch.arange(SLOTS)[slots]


@pytest.mark.parametrize("slots", [IN_PLACE, SCATTERED], ids=["in place", "scattered"])
@pytest.mark.parametrize("cuts", [(0, 20), (0, 7, 19, 20), tuple(range(21))], ids=len)
def test_pieces_of_a_sequence_see_what_came_before(cache, tokens, expected, slots, cuts):
    for first, last in pairwise(cuts):
        seen = slice(slots.start, slots.start + last) if slots is IN_PLACE else slots[:last]
        span = SequenceSpan(0, last - first, seen)
        attend = CachedAttention(*cache, indices(slots)[first:last], None, [span])
        mixed = attend(0, *(tensor[first:last] for tensor in tokens))
        torch.testing.assert_close(mixed, expected[first:last])


def test_single_tokens_together_are_single_tokens_one_by_one(cache, tokens, expected):
    """Two sequences of different length, of which the longer is the expected one."""
    query, key, value = tokens
    longer = SCATTERED
    shorter = torch.tensor([min(set(range(SLOTS)) - set(longer.tolist()))])
    rest = CachedAttention(*cache, longer[:19], None, [SequenceSpan(0, 19, longer[:19])])
    rest(0, query[:19], key[:19], value[:19])
    context = torch.stack([longer, shorter.expand(20)])
    visible = (torch.arange(20) < torch.tensor([[20], [1]]))[:, None, None, :]
    singles = DecodeBatch(torch.tensor([0, 1]), context, visible)
    attend = CachedAttention(*cache, torch.cat([longer[19:], shorter]), singles, [])
    mixed = attend(0, *(tensor[[19, 0]] for tensor in tokens))
    torch.testing.assert_close(mixed, torch.stack([expected[19], expected[0]]))
