from dataclasses import replace

import pytest
import torch

from inference import SamplingParams
from inference.engine.logits import WholeLogits
from inference.engine.sampler import RowSampling
from inference.engine.step import LogitsRequest, read_logits

GREEDY = SamplingParams(temperature=0.0)


def ask(rows=1, seed=0, logprobs=None, targets=(), prompt_logprobs=0, params=GREEDY):
    draw = None if params is None else RowSampling.of(params, seed, 0, 0)
    return LogitsRequest(rows, draw, logprobs, targets, prompt_logprobs)


@pytest.fixture
def values():
    return torch.randn(6, 40, generator=torch.Generator().manual_seed(0))


def read(values, asks):
    return read_logits(WholeLogits(values, values.shape[-1]), asks)


def test_each_row_gets_what_it_asked_for_from_its_own_logits(values):
    asks = [ask(logprobs=2), ask(3, targets=(7, 8, 9), params=None), ask(2, targets=(4,))]
    first, scored, both = read(values, asks)
    best = values.argmax(-1).tolist()
    assert [first.token, scored.token, both.token] == [best[0], None, best[5]]
    assert [len(first.logprobs), scored.logprobs, both.logprobs] == [2, None, None]
    assert first.prompt_logprobs is None
    logprobs = values.log_softmax(-1)
    for row, token, [(scored_token, logprob, _)] in zip(
        (1, 2, 3, 4), (7, 8, 9, 4), scored.prompt_logprobs + both.prompt_logprobs, strict=True
    ):
        assert scored_token == token
        assert logprob == pytest.approx(logprobs[row, token].item(), abs=1e-5)


def test_alternatives_are_counted_for_each_row_alone(values):
    outputs = read(values, [ask(logprobs=count) for count in (0, 1, 5, 40, 50, 3)])
    assert [len(output.logprobs) for output in outputs] == [1, 1, 5, 40, 40, 3]


def test_what_fails_while_drawing_ends_alone(values):
    whole = ask(logprobs=1, params=SamplingParams())
    broken = replace(whole, sampling=replace(whole.sampling, key=2**70))  # no 64-bit key
    good, bad, other = read(values[:3], [ask(logprobs=1), broken, ask()])
    assert bad.error == "sampling failed on this sequence (ValueError)"
    assert (bad.token, bad.logprobs) == (None, None)
    assert [good.token, other.token] == [values[0].argmax(), values[2].argmax()]
    assert good.error is None
    assert len(good.logprobs) == 1


@pytest.mark.parametrize("what", [torch.nan, torch.inf, -torch.inf])
def test_logits_that_are_no_numbers_end_their_row_alone(values, what):
    values[2, 5] = what
    good, bad, other = read(values[:4], [ask(), ask(2, targets=(3, 4)), ask()])
    assert "not finite" in bad.error
    assert bad.prompt_logprobs is None
    assert [good.token, other.token] == [values[0].argmax(), values[3].argmax()]
