import pytest
import torch

from inference import SamplingParams
from inference.engine.logits import WholeLogits, gumbel, topk_of
from inference.engine.sampler import RowSampling, list_logprobs, sample


def draws(params, count, seed=0):
    return [RowSampling.of(params, seed, 0, position) for position in range(count)]


def drawn(logits, draws):
    return sample(WholeLogits(logits, logits.shape[-1]), draws)


def shares(params, logits, count=20_000):
    rows = torch.tensor([logits]).expand(count, -1)
    tokens = torch.tensor(drawn(rows, draws(params, count)))
    counts = tokens.bincount(minlength=len(logits))
    return (counts / count).tolist()


def test_temperature_zero_is_argmax():
    logits = torch.randn(6, 50, generator=torch.Generator().manual_seed(0))
    tokens = drawn(logits, draws(SamplingParams(temperature=0.0), 6))
    assert tokens == logits.argmax(-1).tolist()


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
    is_kept = [share > 0 for share in shares(SamplingParams(top_p=0.6), logits, 2000)]
    assert is_kept == [True, True, False, False]


def test_top_p_keeps_one_token_at_least():
    assert shares(SamplingParams(top_p=1e-9), [0.0, 1.0, 0.5], 200) == [0, 1, 0]


def test_top_k_then_top_p():
    logits = torch.tensor([0.4, 0.3, 0.2, 0.1]).log().tolist()
    drawn_shares = shares(SamplingParams(top_k=2, top_p=0.5), logits, 2000)  # 0.4 of 0.7 crosses
    assert drawn_shares == [1, 0, 0, 0]


def test_top_k_over_the_vocabulary_keeps_all_of_it():
    draw = RowSampling.of(SamplingParams(top_k=10**30, seed=3), 3, 0, 0)
    free = RowSampling.of(SamplingParams(seed=3), 3, 0, 0)
    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(0))
    assert drawn(logits, [draw]) == drawn(logits, [free])


def test_top_k_ties_go_to_low_ids():
    drawn_shares = shares(SamplingParams(top_k=2), [1.0, 1.0, 1.0], 2000)
    assert drawn_shares[2] == 0
    assert drawn_shares[0] == pytest.approx(0.5, abs=0.05)


def test_a_draw_depends_on_seed_sample_and_position_alone():
    params = SamplingParams()
    logits = torch.randn(1, 1000, generator=torch.Generator().manual_seed(0))
    keys = [RowSampling.of(params, s, n, p) for s in (0, -1) for n in (0, 1) for p in (0, 1)]
    [alone] = zip(*(drawn(logits, [key]) for key in keys), strict=True)
    together = tuple(drawn(logits.expand(len(keys), -1), keys))
    assert together == alone
    assert len(set(alone)) > 4


def test_greedy_neighbours_leave_draws_alone():
    logits = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
    key = RowSampling.of(SamplingParams(), 5, 0, 3)
    greedy = RowSampling.of(SamplingParams(temperature=0.0), 5, 0, 3)
    assert drawn(logits, [greedy, key])[1:] == drawn(logits[1:], [key])


def test_the_noise_is_standard_gumbel():
    noise = gumbel(torch.tensor([3, -7]), torch.arange(200_000))
    assert noise.isfinite().all()
    assert noise.mean().item() == pytest.approx(0.5772, abs=0.01)
    assert noise.std().item() == pytest.approx(1.2825, abs=0.01)
    assert (noise[0] * noise[1]).mean().item() == pytest.approx(0.5772**2, abs=0.01)


def test_top_p_over_many_alike_tokens_looks_past_its_first_candidates():
    logits = torch.zeros(4, 5000)
    logits[:, 4000:] = 0.01  # 1000 tokens above the rest, of a fifth of the mass
    params = SamplingParams(top_p=0.5)
    tokens = drawn(logits.repeat(100, 1), draws(params, 400))
    # the best half of the mass: the 1000, then the first 1485 or so of the equal ones
    assert all(token >= 4000 or token < 1520 for token in tokens)
    assert any(1024 < token < 1520 for token in tokens)


def test_ties_go_to_low_ids_wherever_the_cut_falls():
    values = torch.randint(-3, 4, (20, 300), generator=torch.Generator().manual_seed(0)).float()
    order = [sorted(range(300), key=lambda n: (-row[n], n)) for row in values.tolist()]
    for count in (1, 2, 50, 299, 300):
        found, ids = topk_of(values, count)
        assert ids.tolist() == [ranked[:count] for ranked in order]
        assert found.equal(values.gather(-1, ids))


def test_infinities_stand_last_and_zeros_are_equal():
    found, ids = topk_of(torch.tensor([[-torch.inf, -0.0, 0.0, -1e-30, 2.0]]), 5)
    assert ids.tolist() == [[4, 1, 2, 3, 0]]
    assert found.tolist() == [[2.0, 0.0, 0.0, pytest.approx(-1e-30), -torch.inf]]


def test_what_may_not_be_drawn_is_drawn_by_no_way_and_not_listed():
    logits = WholeLogits(torch.arange(30.0).expand(60, -1), sampled_vocab_size=20)
    ways = [{"temperature": 0.0}, {"temperature": 9.0}, {"top_k": 4}, {"top_p": 0.99}]
    params = [SamplingParams(**way) for way in ways] * 15
    tokens = sample(
        logits, [RowSampling.of(sampling, 0, 0, place) for place, sampling in enumerate(params)]
    )
    assert max(tokens) == 19
    [entry, *_] = list_logprobs(logits, tokens, [3] * 60)
    assert [token for token, _, _ in entry] == [19, 18, 17]
    whole = torch.arange(30.0).log_softmax(-1)
    assert entry[0][1:] == (pytest.approx(whole[19].item(), abs=1e-5), 11)


def entries(logits, chosen, top):
    listed = list_logprobs(WholeLogits(logits, logits.shape[-1]), chosen, [top] * len(chosen))
    return [{token: (logprob, rank) for token, logprob, rank in row} for row in listed]


def test_the_greedy_tokens_logprob_is_exactly_the_top_ones():
    logits = torch.randn(20, 5000, generator=torch.Generator().manual_seed(0))
    chosen = logits.argmax(-1).tolist()
    for token, entry in zip(chosen, entries(logits, chosen, 5), strict=True):
        assert entry[token][0] == max(logprob for logprob, _ in entry.values())
        assert entry[token][1] == 1
        assert len(entry) == 5


def test_the_chosen_token_is_listed_though_it_is_not_among_the_top():
    [entry] = entries(torch.tensor([[3.0, 2.0, 1.0]]), [2], 1)
    assert {token: rank for token, (_, rank) in entry.items()} == {2: 3, 0: 1}
    [entry] = entries(torch.tensor([[3.0, 2.0, 1.0]]), [2], 0)
    assert list(entry) == [2]
