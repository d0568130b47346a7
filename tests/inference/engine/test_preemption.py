"""A cache that holds few of the samples at once: they yield, compute anew, and say the same."""

import random

import pytest

from inference import Engine, EngineRequest, SamplingParams
from tests.inference.tiny_opts import RAGGED, greedy_reference, tokens_of

BLOCK_BYTES = 16 * 2 * 2 * 32 * 4  # tokens, keys and values, layers, width, float32
GREEDY = SamplingParams(max_tokens=40, temperature=0.0, ignore_eos=True)
PROMPTS = [*RAGGED, RAGGED[1] + [8], RAGGED[2] + [9]]


def small_engine(directory, blocks=6, **options):
    return Engine(
        directory,
        max_num_seqs=8,
        max_num_batched_tokens=24,
        kv_cache_memory_bytes=blocks * BLOCK_BYTES,
        **options,
    )


def test_preempted_greedy_tokens_are_transformers(opt):
    directory, peer = opt
    with small_engine(directory) as engine:
        outputs = engine.generate(PROMPTS, GREEDY)
        assert engine.stats().preemptions >= 3
        assert engine.stats().free_blocks == engine.stats().total_blocks == 6
    assert tokens_of(outputs) == [greedy_reference(peer, prompt, 40) for prompt in PROMPTS]


def test_preempted_draws_and_logprobs_are_the_undisturbed_ones(plain_opt):
    params = SamplingParams(
        n=2, max_tokens=40, seed=5, top_p=0.9, logprobs=2, prompt_logprobs=1, ignore_eos=True
    )
    with Engine(plain_opt[0]) as engine:
        undisturbed = engine.generate(PROMPTS, params)
        assert engine.stats().preemptions == 0
    with small_engine(plain_opt[0]) as engine:
        disturbed = engine.generate(PROMPTS, params)
        assert engine.stats().preemptions >= 3
    assert tokens_of(disturbed) == tokens_of(undisturbed)
    for preempted, expected in zip(disturbed, undisturbed, strict=True):
        assert len(preempted.prompt_logprobs) == len(preempted.prompt_token_ids)
        entries = zip(
            [*preempted.prompt_logprobs[1:], *preempted.outputs[1].logprobs],
            [*expected.prompt_logprobs[1:], *expected.outputs[1].logprobs],
            strict=True,
        )
        for entry, expected_entry in entries:
            assert entry.keys() == expected_entry.keys()
            assert [logprob.logprob for logprob in entry.values()] == pytest.approx(
                [logprob.logprob for logprob in expected_entry.values()], abs=1e-4
            )


def test_a_prompt_preempted_halfway_is_scored_once(plain_opt):
    scoring = SamplingParams(max_tokens=2, temperature=0.0, prompt_logprobs=0)
    with small_engine(plain_opt[0], blocks=4) as engine:
        engine.submit(EngineRequest([2] * 60, scoring, "scored", priority=1))
        engine.step()
        urgent = SamplingParams(max_tokens=2)
        engine.submit(EngineRequest([2] * 60, urgent, "urgent"))
        events = []
        while engine.has_work:
            events += engine.step()
        assert engine.stats().preemptions == 1
    [told] = [event.prompt_logprobs for event in events if event.prompt_logprobs]
    assert len(told) == 60
    assert [event.request_id for event in events] == ["urgent"] * 2 + ["scored"] * 2


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_and_goes_each_says_what_it_says_alone(plain_opt, seed):
    chance = random.Random(seed)
    requests = {
        str(number): EngineRequest(
            [2] + [chance.randrange(3, 99) for _ in range(chance.randrange(30))],
            SamplingParams(
                max_tokens=chance.randrange(1, 60),
                temperature=chance.choice([0.0, 1.0]),
                seed=number,
                ignore_eos=True,
            ),
            str(number),
            priority=chance.randrange(3),
        )
        for number in range(14)
    }
    coming, said, ended = list(requests.values()), {}, {}
    with small_engine(plain_opt[0]) as engine:
        while coming or engine.has_work:
            while coming and chance.random() < 0.2:
                engine.submit(coming.pop())
            if chance.random() < 0.03 and (living := said.keys() - ended.keys()):
                engine.cancel(chance.choice(sorted(living)))
            for event in engine.step():
                said.setdefault(event.request_id, []).extend(event.token_ids)
                if event.finish_reason:
                    ended[event.request_id] = event.finish_reason
        assert engine.stats().preemptions > 0
        assert engine.stats().free_blocks == engine.stats().total_blocks
    with Engine(plain_opt[0]) as engine:
        alone = {name: tokens_of(engine.run([request]))[0] for name, request in requests.items()}
    assert ended.keys() == requests.keys()
    for name, reason in ended.items():
        assert said[name] == alone[name][: len(said[name])]
        assert reason == ("length" if len(said[name]) == len(alone[name]) else "abort")


def test_a_deadline_ends_what_runs_and_what_waits(plain_opt):
    now = 0.0
    with Engine(plain_opt[0], max_num_seqs=1, clock=lambda: now) as engine:
        for name in ("runs", "waits"):
            engine.submit(EngineRequest([2, 7], GREEDY, name, deadline=5.0))
        engine.submit(EngineRequest([2, 7], SamplingParams(max_tokens=1), "patient"))
        assert [event.request_id for event in engine.step()] == ["runs"]
        now = 5.0
        events = engine.step()
        assert [(event.request_id, event.finish_reason) for event in events] == [
            ("runs", "deadline"),
            ("waits", "deadline"),
            ("patient", "length"),
        ]
        assert not engine.has_work
        assert engine.stats().free_blocks == engine.stats().total_blocks
