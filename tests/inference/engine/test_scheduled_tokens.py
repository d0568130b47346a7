"""Each step says how many tokens it computed for whom."""

from collections import Counter

import pytest

from inference import Engine, EngineRequest, SamplingParams

BLOCK_BYTES = 16 * 2 * 2 * 32 * 4  # tokens, keys and values, layers, width, float32
LAYOUTS = [pytest.param(1, 1, id="alone"), pytest.param(2, 2, id="four-ranks")]


def greedy(tokens, n=1):
    return SamplingParams(n=n, max_tokens=tokens, temperature=0.0, ignore_eos=True)


def computed(engine):
    """Run the engine until nothing is left; return the counts of its steps."""
    steps = []
    while engine.has_work:
        engine.step()
        steps.append(dict(engine.stats().num_scheduled_tokens))
    return steps


@pytest.mark.parametrize(("tensor", "pipeline"), LAYOUTS)
def test_a_step_counts_prompts_in_chunks_and_then_token_by_token(plain_opt, tensor, pipeline):
    with Engine(plain_opt[0], tensor, pipeline, max_num_seqs=4, max_num_batched_tokens=8) as engine:
        engine.submit(EngineRequest([2] * 10, greedy(3), "long"))
        engine.submit(EngineRequest([2] * 3, greedy(2, n=2), "two"))
        assert computed(engine) == [
            {"long": 8},
            {"long": 2, "two": 6},
            {"long": 1, "two": 2},
            {"long": 1},
        ]


def test_a_step_without_work_computes_nothing(plain_opt):
    with Engine(plain_opt[0]) as engine:
        assert engine.stats().num_scheduled_tokens == {}
        engine.submit(EngineRequest([2] * 10, greedy(3), "stopped"))
        engine.step()
        engine.cancel("stopped")
        [event] = engine.step()
        assert event.finish_reason == "abort"
        assert engine.stats().num_scheduled_tokens == {}


def test_what_is_computed_again_after_a_preemption_counts_again(plain_opt):
    prompts = {str(number): [2] * (9 + number) for number in range(5)}
    counts = {}
    for blocks in (100, 6):
        with Engine(plain_opt[0], kv_cache_memory_bytes=blocks * BLOCK_BYTES) as engine:
            for name, prompt in prompts.items():
                engine.submit(EngineRequest(prompt, greedy(40), name))
            counts[blocks] = sum(map(Counter, computed(engine)), Counter())
            assert (engine.stats().preemptions > 0) == (blocks == 6)
    # the last token of each is sampled, but never computed
    assert counts[100] == {name: len(prompt) + 39 for name, prompt in prompts.items()}
    assert all(counts[6][name] >= counts[100][name] for name in prompts)
    assert counts[6].total() > counts[100].total()
