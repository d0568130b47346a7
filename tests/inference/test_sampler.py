import pytest
import torch

from inference import SamplingParams
from inference.sampler import Draw, gumbel, list_logprobs, sample


def draws(params, count, seed=0):
    return [Draw(params, seed, 0, position) for position in range(count)]


def shares(params, logits, count=20_000):
    rows = torch.tensor([logits]).expand(count, -1)
    counts = sample(rows, draws(params, count)).bincount(minlength=len(logits))
    return (counts / count).tolist()


def test_temperature_zero_is_argmax():
    logits = torch.randn(6, 50, generator=torch.Generator().manual_seed(0))
    drawn = sample(logits, draws(SamplingParams(temperature=0.0), 6))
    assert drawn.tolist() == logits.argmax(-1).tolist()


def test_draws_follow_the_softmax():
    logits = [0.0, 1.0, 2.0, -torch.inf]
    expected = torch.tensor(logits).softmax(-1).tolist()
    assert shares(SamplingParams(), logits) == pytest.approx(expected, abs=0.02)


def test_temperature_flattens():
    logits = [0.0, 2.0]
    expected = torch.tensor([0.0, 1.0]).softmax(-1).tolist()
    assert shares(SamplingParams(temperature=2.0), logits) == pytest.approx(expected, abs=0.02)


def test_top_p_keeps_the_token_that_crosses_p():
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().tolist()
    kept = [share > 0 for share in shares(SamplingParams(top_p=0.6), logits, 2000)]
    assert kept == [True, True, False, False]


def test_top_p_keeps_one_token_at_least():
    assert shares(SamplingParams(top_p=1e-9), [0.0, 1.0, 0.5], 200) == [0, 1, 0]


def test_top_k_then_top_p():
    logits = torch.tensor([0.4, 0.3, 0.2, 0.1]).log().tolist()
    found = shares(SamplingParams(top_k=2, top_p=0.5), logits, 2000)  # 0.4 of 0.7 crosses
    assert found == [1, 0, 0, 0]


def test_top_k_over_the_vocabulary_keeps_all_of_it():
    draw = Draw(SamplingParams(top_k=10**30, seed=3), 3, 0, 0)
    free = Draw(SamplingParams(seed=3), 3, 0, 0)
    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(0))
    assert sample(logits, [draw]).equal(sample(logits, [free]))


def test_top_k_ties_go_to_low_ids():
    found = shares(SamplingParams(top_k=2), [1.0, 1.0, 1.0], 2000)
    assert found[2] == 0
    assert found[0] == pytest.approx(0.5, abs=0.05)


def test_a_draw_depends_on_seed_sample_and_position_alone():
    params = SamplingParams()
    logits = torch.randn(1, 1000, generator=torch.Generator().manual_seed(0))
    keys = [Draw(params, s, n, p) for s in (0, -1) for n in (0, 1) for p in (0, 1)]
    alone = [sample(logits, [key]).item() for key in keys]
    together = sample(logits.expand(len(keys), -1), keys).tolist()
    assert together == alone
    assert len(set(alone)) > 4


def test_greedy_neighbours_leave_draws_alone():
    logits = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
    key = Draw(SamplingParams(), 5, 0, 3)
    greedy = Draw(SamplingParams(temperature=0.0), 5, 0, 3)
    assert sample(logits, [greedy, key])[1] == sample(logits[1:], [key])[0]


def test_the_noise_is_standard_gumbel():
    noise = gumbel(torch.tensor([3, -7]), 200_000)
    assert noise.isfinite().all()
    assert noise.mean().item() == pytest.approx(0.5772, abs=0.01)
    assert noise.std().item() == pytest.approx(1.2825, abs=0.01)
    assert (noise[0] * noise[1]).mean().item() == pytest.approx(0.5772**2, abs=0.01)


def test_the_greedy_tokens_logprob_is_exactly_the_top_ones():
    logits = torch.randn(20, 5000, generator=torch.Generator().manual_seed(0))
    chosen = logits.argmax(-1).tolist()
    for token, entry in zip(chosen, list_logprobs(logits, chosen, 5, None, None), strict=True):
        assert entry[token].logprob == max(found.logprob for found in entry.values())
        assert entry[token].rank == 1
        assert len(entry) == 5


def test_the_chosen_token_is_listed_though_it_is_not_among_the_top():
    [entry] = list_logprobs(torch.tensor([[3.0, 2.0, 1.0]]), [2], 1, None, None)
    assert {token: found.rank for token, found in entry.items()} == {2: 3, 0: 1}
    [entry] = list_logprobs(torch.tensor([[3.0, 2.0, 1.0]]), [2], 0, None, None)
    assert list(entry) == [2]
