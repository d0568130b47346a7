"""Penalties, biases and least lengths over whole generations."""

import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference import Engine, SamplingParams
from tests.inference.tiny_opts import RAGGED, make_opt, tokens_of

COUNT = 24
GREEDY = {"max_tokens": COUNT, "temperature": 0.0}
WAYS = {
    "mild": ({"repetition_penalty": 1.3}, {"repetition_penalty": 1.3}),
    "harsh": ({"repetition_penalty": 5}, {"repetition_penalty": 5.0}),
    "for repeating": ({"repetition_penalty": 0.6}, {"repetition_penalty": 0.6}),
    "least length": ({"min_tokens": 9}, {"min_new_tokens": 9}),
    "both": (
        {"repetition_penalty": 1.3, "min_tokens": 5},
        {"repetition_penalty": 1.3, "min_new_tokens": 5},
    ),
    "bias": (
        {"logit_bias": {7: 4.5, 50: -100.0}},
        {"sequence_bias": {(7,): 4.5, (50,): -100.0}},
    ),
}


def by_transformers(peer, prompt, ends, **options):
    ids = torch.tensor([prompt])
    output_ids = peer.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=COUNT,
        eos_token_id=ends, pad_token_id=1, **options,
    )  # fmt: skip
    return output_ids[0, len(prompt) :].tolist()


@pytest.fixture(scope="module")
def ends(plain_opt):
    """Return end tokens that greedy text meets early: two of its own tokens."""
    _, peer = plain_opt
    free = by_transformers(peer, RAGGED[1], [98])
    return [free[2], free[5]]


@pytest.mark.parametrize("way", WAYS)
def test_greedy_text_is_transformers(engine, plain_opt, ends, way):
    _, peer = plain_opt
    ours, theirs = WAYS[way]
    params = SamplingParams(**GREEDY, **ours, stop_token_ids=ends)
    expected = [by_transformers(peer, prompt, [2, *ends], **theirs) for prompt in RAGGED]
    assert tokens_of(engine.generate(RAGGED, params)) == expected


def test_what_ended_a_sample_is_told(engine, ends):
    ends = {"stop_token_ids": ends, "temperature": 0.0}
    [output] = engine.generate([RAGGED[1]], SamplingParams(max_tokens=COUNT, **ends))
    assert output.outputs[0].stop_reason == output.outputs[0].token_ids[-1]
    later = SamplingParams(max_tokens=COUNT, min_tokens=COUNT, **ends)
    [output] = engine.generate([RAGGED[1]], later)
    assert (output.outputs[0].finish_reason, output.outputs[0].stop_reason) == ("length", None)
    assert not set(output.outputs[0].token_ids) & set(later.stop_token_ids)


def test_an_ignored_end_is_drawn_no_earlier_than_min_tokens(engine):
    often = {"logit_bias": {2: 100.0}, "temperature": 0.0, "max_tokens": 6}
    [output] = engine.generate([[2, 9]], SamplingParams(min_tokens=4, ignore_eos=True, **often))
    assert [token == 2 for token in output.outputs[0].token_ids] == [False] * 4 + [True] * 2
    [output] = engine.generate([[2, 9]], SamplingParams(**often))
    sample = output.outputs[0]
    assert (sample.token_ids, sample.finish_reason, sample.stop_reason) == ([2], "stop", None)


MIXED = [
    {}, {"temperature": 0.0}, {"repetition_penalty": 1.5}, {"top_p": 0.8, "frequency_penalty": 1.2},
    {"presence_penalty": -1.5, "temperature": 0.0}, {"min_p": 0.1, "logprobs": 2},
    {"logit_bias": {5: 3.0}, "min_tokens": 8, "stop_token_ids": range(5, 40), "n": 2},
    {"top_k": 4, "repetition_penalty": 0.7, "prompt_logprobs": 1, "logprobs": 0},
]  # fmt: skip


def answers(engine, numbers):
    params = [SamplingParams(max_tokens=12, seed=number, **MIXED[number]) for number in numbers]
    outputs = engine.generate([RAGGED[number % 4] for number in numbers], params)
    return [
        [(sample.token_ids, sample.stop_reason, sample.logprobs) for sample in output.outputs]
        for output in outputs
    ]


@pytest.fixture(scope="module")
def alone(plain_opt):
    with Engine(plain_opt[0]) as engine:
        return [answers(engine, [number])[0] for number in range(len(MIXED))]


@given(numbers=st.lists(st.integers(0, len(MIXED) - 1), min_size=2, max_size=9))
@settings(max_examples=12, deadline=None)
def test_rows_with_and_without_leave_each_other_alone(plain_opt, alone, numbers):
    with Engine(plain_opt[0], max_num_seqs=4, max_num_batched_tokens=24) as engine:
        for number, answer in zip(numbers, answers(engine, numbers), strict=True):
            for (ids, reason, logprobs), expected in zip(answer, alone[number], strict=True):
                assert (ids, reason) == expected[:2]
                assert_near(logprobs, expected[2])


def assert_near(logprobs, expected):
    assert (logprobs is None) == (expected is None)
    for entry, expected_entry in zip(logprobs or [], expected or [], strict=True):
        assert entry.keys() == expected_entry.keys()
        for token, logprob in entry.items():
            assert logprob.logprob == pytest.approx(expected_entry[token].logprob, abs=1e-4)


def test_a_preempted_sample_is_penalised_as_if_undisturbed(plain_opt, tmp_path):
    params = SamplingParams(
        max_tokens=40, seed=1, repetition_penalty=1.4, frequency_penalty=0.5, ignore_eos=True
    )
    with Engine(plain_opt[0]) as engine:
        expected = tokens_of(engine.generate(RAGGED, params))
    with Engine(plain_opt[0], kv_cache_memory_bytes=6 * 16 * 2 * 2 * 32 * 4) as engine:
        assert tokens_of(engine.generate(RAGGED, params)) == expected
        assert engine.stats().preemptions


def test_logprobs_are_the_models_own(engine):
    plain = {"max_tokens": 1, "temperature": 0.0, "logprobs": 5}
    [free] = engine.generate([RAGGED[2]], SamplingParams(**plain))
    [best] = free.outputs[0].token_ids
    [banned] = engine.generate([RAGGED[2]], SamplingParams(logit_bias={best: -100}, **plain))
    [entry], [other] = free.outputs[0].logprobs, banned.outputs[0].logprobs
    assert banned.outputs[0].token_ids != [best]
    assert other[best] == entry[best]
    assert other[banned.outputs[0].token_ids[0]].rank == 2


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"stop_token_ids": [99]}, "stop_token_ids names token 99; the model's are 0 to 98"),
        ({"logit_bias": {4: 1, 1000: 1}}, "logit_bias names token 1000; the model's are 0 to 98"),
        ({"max_tokens": None, "min_tokens": 90}, "min_tokens must be at most max_tokens, 79"),
    ],
)
def test_what_the_model_has_not_is_refused(engine, wrong, sentence):
    with pytest.raises(ValueError, match=f"prompt 0: {sentence}"):
        engine.generate([RAGGED[2]], SamplingParams(**wrong))


def test_ids_past_the_drawable_stay_shut(tmp_path, trained):
    make_opt(tmp_path, vocab_size=4096)
    shutil.copy(trained / "tokenizer.json", tmp_path)
    wanted = {"logit_bias": dict.fromkeys(range(512, 1500), 100.0)}
    ways = [{"temperature": 0.0}, {"seed": 1}, {"seed": 1, "min_p": 0.1}, {"seed": 1, "top_p": 0.9}]
    params = [SamplingParams(max_tokens=8, ignore_eos=True, **wanted, **way) for way in ways]
    with Engine(tmp_path) as engine:
        outputs = engine.generate([[2]] * len(ways), params)
        known = engine.tokenizer.vocab_size
    assert known < 600
    assert max(max(ids) for ids in tokens_of(outputs)) < known
