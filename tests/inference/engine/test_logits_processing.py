from array import array

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.generation import logits_process

from inference import SamplingParams
from inference.engine.logits import WholeLogits
from inference.engine.logits_adjustment import Adjuster, base_adjustment
from inference.engine.logits_processing import MAX_LOGIT, adjust
from inference.engine.sampler import RowSampling, sample

VOCAB = 60


def adjuster(sampling, prompt, ends):
    base = base_adjustment(sampling, ends)
    return base and Adjuster(sampling, prompt, base)


def adjusted(logits, prompt, output, ends=(), **params):
    """One row after what the parameters change."""
    keeper = adjuster(SamplingParams(max_tokens=None, **params), prompt, ends)
    for token in output if keeper else ():
        keeper.add(token)
    changed, found = logits.clone(), keeper and keeper.adjustment()
    if found is not None:
        adjust(changed[None], [found])
    return changed


def row(seed=0):
    return torch.randn(VOCAB, generator=torch.Generator().manual_seed(seed)) * 4


tokens = st.lists(st.integers(0, VOCAB - 1), max_size=12)


@settings(deadline=None)
@given(prompt=tokens, output=tokens, penalty=st.floats(0.05, 20), seed=st.integers(0, 9))
def test_the_repetition_penalty_is_transformers_to_the_bit(prompt, output, penalty, seed):
    processor = logits_process.RepetitionPenaltyLogitsProcessor(penalty)
    expected = processor(torch.tensor([[0, *prompt, *output]]), row(seed)[None].clone())[0]
    assert adjusted(row(seed), [0, *prompt], output, repetition_penalty=penalty).equal(expected)


@settings(deadline=None)
@given(output=tokens, frequency=st.floats(-2, 2), presence=st.floats(-2, 2))
def test_frequency_and_presence_count_generated_tokens_alone(output, frequency, presence):
    counts = torch.tensor(output, dtype=torch.int64).bincount(minlength=VOCAB)
    expected = row() - counts * frequency - (counts > 0) * presence  # OpenAI's formula
    penalties = {"frequency_penalty": frequency, "presence_penalty": presence}
    torch.testing.assert_close(adjusted(row(), [5, 6], output, **penalties), expected)


def test_a_bias_is_transformers_sequence_bias_and_comes_before_penalties():
    bias = {3: 7.5, 59: -100.0, 4: 1.0}
    biases = logits_process.SequenceBiasLogitsProcessor({(token,): bias[token] for token in bias})
    penalty = logits_process.RepetitionPenaltyLogitsProcessor(1.7)
    ids = torch.tensor([[3, 8, 9]])
    expected = penalty(ids, biases(ids, row()[None].clone()))[0]
    biased = adjusted(row(), [3], [8, 9], repetition_penalty=1.7, logit_bias=bias)
    assert biased.equal(expected)


@pytest.mark.parametrize("generated", [0, 2, 3])
def test_ends_are_shut_until_min_tokens(generated):
    processor = logits_process.MinNewTokensLengthLogitsProcessor(1, 3, [2, 7])
    output = [9] * generated
    expected = processor(torch.tensor([[4, *output]]), row()[None].clone())[0]
    assert adjusted(row(), [4], output, ends=[2, 7], min_tokens=3).equal(expected)


@pytest.mark.parametrize("penalty", [1e-300, 5e-324, 1e300])
def test_no_penalty_makes_a_logit_no_number(penalty):
    penalised = adjusted(
        torch.tensor([0.0, -3.0, 3.0, 1.0]), [0, 1, 2], [], repetition_penalty=penalty
    )
    assert penalised.abs().max() <= MAX_LOGIT
    params = [SamplingParams(temperature=t, top_p=p) for t in (0.0, 1e-9, 1.0) for p in (0.5, 1.0)]
    logits = WholeLogits(penalised.expand(6, -1), 4)
    best = {int(penalised.argmax())}
    assert set(sample(logits, [RowSampling.of(sampling, 1, 0, 0) for sampling in params])) == best


def test_parameters_that_change_nothing_have_no_adjustment():
    assert adjuster(SamplingParams(stop_token_ids=[4], min_p=0.5), [1, 2], [4]) is None
    assert adjuster(SamplingParams(logit_bias={}), [1], [4]) is None
    keeper = adjuster(SamplingParams(min_tokens=1), [1, 2], [4])
    assert keeper.adjustment().banned == array("i", [4])
    keeper.add(9)
    assert keeper.adjustment() is None


def test_min_p_is_transformers_after_top_k_and_top_p():
    logits = row()
    params = SamplingParams(temperature=1.5, top_k=30, top_p=0.95, min_p=0.08)
    warpers = [
        logits_process.TemperatureLogitsWarper(1.5), logits_process.TopKLogitsWarper(30),
        logits_process.TopPLogitsWarper(0.95), logits_process.MinPLogitsWarper(0.08),
    ]  # fmt: skip
    warped = logits[None].clone()
    for warper in warpers:
        warped = warper(None, warped)
    expected = warped[0].softmax(-1)
    rows = WholeLogits(logits.expand(4_000, -1), VOCAB)
    drawn = sample(rows, [RowSampling.of(params, 0, 0, place) for place in range(4_000)])
    shares = torch.tensor(drawn).bincount(minlength=VOCAB) / 4_000
    assert ((shares > 0) == (expected > 0)).all()
    torch.testing.assert_close(shares, expected, atol=0.03, rtol=0)


def test_min_p_looks_past_the_first_candidates():
    logits = torch.zeros(1, 3000)
    logits[:, 2000:] = -3.0
    rows = WholeLogits(logits.expand(300, -1), 3000)
    params = SamplingParams(min_p=0.5)
    drawn = sample(rows, [RowSampling.of(params, 0, 0, place) for place in range(300)])
    assert max(drawn) in range(1500, 2000)


def test_a_large_top_k_is_looked_up_for_its_own_row():
    logits = torch.randn(1, 5000, generator=torch.Generator().manual_seed(0)) / 100
    order = logits[0].argsort(descending=True)
    rows = WholeLogits(logits.expand(400, -1), 5000)
    params = [SamplingParams(top_k=2000), SamplingParams(top_k=3)] * 200
    drawn = sample(
        rows, [RowSampling.of(sampling, 0, 0, place) for place, sampling in enumerate(params)]
    )
    assert set(drawn[1::2]) == set(order[:3].tolist())
    assert set(drawn[::2]) <= set(order[:2000].tolist())
    assert not set(drawn[::2]) <= set(order[:1500].tolist())
