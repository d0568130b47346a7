import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.blocks import BlockLedger
from inference.errors import PromptTooLong
from inference.sampling import SamplingParams
from inference.scheduler import Scheduler
from inference.sequence import Sequence
from tests.inference.tiny_opts import ROOT


def sequence(name, prompt, max_tokens, priority=0):
    return Sequence(name, 0, (2,) * prompt, SamplingParams(), max_tokens, priority=priority)


def scheduler(blocks=6, seqs=3, budget=8, model_len=40):
    ledger = BlockLedger(blocks, 4)
    made = Scheduler(ledger, max_num_seqs=seqs, max_batched_tokens=budget, max_model_len=model_len)
    return ledger, made


def play(batch, made):
    """Compute a batch as the engine does; ends what has all its tokens."""
    for row in batch:
        draws, completes = row.draws, row.completes
        made.computed(row)
        if draws:
            row.sequence.output_token_ids.append(5)
        if completes and len(row.sequence.output_token_ids) == row.sequence.max_tokens:
            made.finish(row.sequence)


def whole(ledger):
    return ledger.free + ledger.used == ledger.total


moves = st.lists(
    st.one_of(
        st.tuples(st.just("allocate"), st.integers(0, 5), st.integers(1, 30)),
        st.tuples(st.just("release"), st.integers(0, 5), st.just(0)),
    )
)


@given(moves)
def test_free_and_used_are_the_total_after_every_call(calls):
    ledger, held = BlockLedger(10, 4), {}
    for call, owner, tokens in calls:
        if call == "release":
            assert ledger.release(owner) == len(held.pop(owner, ()))
        elif owner in held or -(-tokens // 4) > ledger.free:
            before = ledger.free
            with pytest.raises(ValueError, match="blocks"):
                ledger.allocate(owner, tokens)
            assert ledger.free == before
        else:
            held[owner] = ledger.allocate(owner, tokens)
        blocks = [block for own in held.values() for block in own]
        assert whole(ledger)
        assert len(blocks) == len(set(blocks)) == ledger.used


requests = st.lists(
    st.tuples(st.integers(1, 20), st.integers(0, 12), st.integers(-1, 1)), max_size=12
)


@settings(deadline=None)
@given(requests, st.sets(st.integers(0, 11)), st.data())
def test_work_goes_on_while_there_is_some(wanted, cancelled, data):
    ledger, made = scheduler()
    waiting = [sequence(str(n), *request) for n, request in enumerate(wanted)]
    accepted = []
    steps = 0
    while waiting or made.has_work:
        for new in waiting[: data.draw(st.integers(0, 3)) if made.has_work else 1]:
            waiting.remove(new)
            if ledger.can_ever_hold(new.capacity):
                made.add(new)
                accepted.append(new)
            else:
                with pytest.raises(PromptTooLong):
                    made.add(new)
        if not made.has_work:
            continue
        batch = made.schedule()
        assert sum(row.count for row in batch) > 0
        assert sum(row.count for row in batch) <= 8
        assert made.running <= 3
        assert all(row.start + row.count <= len(row.sequence.blocks) * 4 for row in batch)
        play(batch, made)
        for number in sorted(cancelled & {steps}):
            for running in accepted[number : number + 1]:
                made.finish(running)
        assert whole(ledger)
        steps += 1
    assert ledger.free == ledger.total
    assert all(done.finished for done in accepted)


def test_lower_priority_numbers_first_then_first_come():
    _, made = scheduler(seqs=1)
    for name, priority in (("c", 1), ("a", 0), ("d", 1), ("b", 0)):
        made.add(sequence(name, 2, 1, priority))
    order = []
    while made.has_work:
        batch = made.schedule()
        order += [row.sequence.request_id for row in batch]
        play(batch, made)
    assert order == ["a", "b", "c", "d"]


def test_a_large_prompt_is_not_overtaken():
    _, made = scheduler()
    made.add(sequence("runs", 4, 8))
    made.schedule()
    made.add(sequence("large", 16, 8))
    made.add(sequence("small", 1, 1))
    assert [row.sequence.request_id for row in made.schedule()] == ["runs"]
    assert (made.running, made.waiting) == (1, 2)


def test_decoding_and_prompts_share_a_step():
    _, made = scheduler()
    made.add(sequence("decodes", 2, 4))
    play(made.schedule(), made)
    made.add(sequence("prompt", 10, 1))
    assert [(row.sequence.request_id, row.count) for row in made.schedule()] == [
        ("decodes", 1),
        ("prompt", 7),
    ]


def test_what_passes_the_models_length_is_refused():
    _, made = scheduler(blocks=100)
    with pytest.raises(PromptTooLong, match="are 41, over the model's 40"):
        made.add(sequence("long", 30, 11))


def test_plain_parts_load_without_torch():
    modules = "scheduler blocks sequence sampling outputs tokenizer plan energy logbook config"
    code = f"""
import sys
import inference
for name in {modules!r}.split():
    __import__("inference." + name)
inference.SamplingParams, inference.EngineRequest
assert "torch" not in sys.modules and "django" not in sys.modules
from inference import Engine
assert "torch" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
