import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from inference.engine.block_manager import BlockManager
from inference.engine.sampling_params import SamplingParams
from inference.engine.scheduler import Scheduler
from inference.engine.sequence import Sequence
from inference.errors import PromptTooLong
from tests.inference.tiny_opts import ROOT

BLOCK = 4


def sequence(name, prompt, max_tokens, priority=0, deadline=None):
    params = SamplingParams()
    return Sequence(
        name, 0, (2,) * prompt, params, max_tokens, priority=priority, deadline=deadline
    )


def scheduler(blocks=6, seqs=3, budget=8, model_len=40):
    manager = BlockManager(blocks, BLOCK)
    made = Scheduler(manager, max_num_seqs=seqs, max_batched_tokens=budget, max_model_len=model_len)
    return manager, made


def play(batch, made):
    """Compute a batch as the engine does; ends what has all its tokens."""
    for row in batch:
        draws, completes = row.samples_next, row.completes
        made.mark_computed(row)
        if draws:
            row.sequence.output_token_ids.append(5)
        if completes and len(row.sequence.output_token_ids) == row.sequence.max_tokens:
            made.finish(row.sequence)


def names(batch):
    return [row.sequence.request_id for row in batch]


moves = st.lists(
    st.one_of(
        st.tuples(st.just("grow"), st.integers(0, 5), st.integers(0, 30)),
        st.tuples(st.just("release"), st.integers(0, 5), st.just(0)),
    )
)


@given(moves)
def test_blocks_never_leak_and_have_one_owner(calls):
    manager, held = BlockManager(10, BLOCK), {}
    for call, owner, tokens in calls:
        had = held.get(owner, ())
        more = -(-tokens // BLOCK) - len(had)
        if call == "release":
            assert manager.free(owner) == len(had)
            held.pop(owner, None)
        elif more > manager.num_free:
            before = manager.num_free
            with pytest.raises(ValueError, match="blocks"):
                manager.allocate(owner, tokens)
            assert (manager.num_free, manager.block_table(owner)) == (before, had)
        else:
            held[owner] = manager.allocate(owner, tokens)
            assert held[owner][: len(had)] == had
            assert len(held[owner]) == len(had) + max(more, 0)
        blocks = [block for own in held.values() for block in own]
        assert manager.num_free + manager.num_used == manager.num_blocks
        assert len(blocks) == len(set(blocks)) == manager.num_used


def together(blocks):
    return blocks == tuple(range(blocks[0], blocks[0] + len(blocks)))


def test_blocks_of_an_owner_lie_together_though_several_grow_by_turns():
    manager = BlockManager(200, BLOCK)
    for tokens in range(1, 80):
        for owner in range(6):
            manager.allocate(owner, tokens)
    assert all(together(manager.block_table(owner)) for owner in range(6))


def test_the_whole_cache_may_be_one_owners():
    manager = BlockManager(50, BLOCK)
    assert together(manager.allocate("all", 50 * BLOCK))
    assert manager.num_free == 0


class Machine(RuleBasedStateMachine):
    """Requests come, are cancelled and computed, in any order, in a cache that is too small."""

    def __init__(self):
        super().__init__()
        self.manager, self.scheduler = scheduler()
        self.alive, self.added = [], 0

    @rule(prompt=st.integers(1, 20), max_tokens=st.integers(0, 12), priority=st.integers(-1, 1))
    def add(self, prompt, max_tokens, priority):
        new = sequence(str(self.added), prompt, max_tokens, priority)
        self.added += 1
        if self.manager.can_ever_hold(new.capacity):
            self.scheduler.add(new)
            self.alive.append(new)
        else:
            with pytest.raises(PromptTooLong):
                self.scheduler.add(new)

    @rule(data=st.data())
    def cancel(self, data):
        if self.alive:
            self.scheduler.finish(data.draw(st.sampled_from(self.alive)))
            self.alive = [alive for alive in self.alive if not alive.finished]

    @rule()
    def step(self):
        first = min(self.alive, key=lambda alive: alive.order, default=None)
        batch = self.scheduler.schedule()
        self.check_batch(batch, first)
        play(batch, self.scheduler)
        self.alive = [alive for alive in self.alive if not alive.finished]

    def check_batch(self, batch, first):
        assert bool(batch) == (first is not None)
        assert sum(row.count for row in batch) <= 8
        if first is not None:  # whoever is first in order is served in every step
            assert first in [row.sequence for row in batch]
        for row in batch:
            assert row.count > 0
            assert row.start == row.sequence.computed
            assert row.end <= min(row.sequence.length, len(row.sequence.block_table) * BLOCK)
            assert row.sequence.block_table == self.manager.block_table(row.sequence)

    @invariant()
    def everybody_is_in_one_place(self):
        assert self.manager.num_free + self.manager.num_used == self.manager.num_blocks
        assert self.manager.num_used == sum(len(alive.block_table) for alive in self.alive)
        assert self.scheduler.running + self.scheduler.waiting == len(self.alive)
        assert self.scheduler.running <= 3

    def teardown(self):
        """Run the remaining samples to their ends, within the number of tokens that they need."""
        for _ in range(sum(alive.capacity + 1 for alive in self.alive)):
            self.step()
        assert not self.scheduler.has_work
        assert self.manager.num_free == self.manager.num_blocks


TestScheduler = Machine.TestCase
TestScheduler.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)


def test_a_sample_takes_blocks_as_it_grows():
    manager, made = scheduler()
    grows = sequence("grows", 4, 9)
    made.add(grows)
    table_lengths = []
    while made.has_work:
        batch = made.schedule()
        table_lengths.append(len(grows.block_table))
        play(batch, made)
    assert table_lengths == [1] + [2] * 4 + [3] * 4
    assert manager.num_free == 6


def test_when_blocks_run_out_the_last_waits_and_computes_its_tokens_anew():
    manager, made = scheduler(blocks=4)
    for name in ("first", "second"):
        made.add(sequence(name, 4, 9))
    batches = []
    while made.has_work:
        batch = made.schedule()
        batches.append([(row.sequence.request_id, row.start, row.count) for row in batch])
        play(batch, made)
    assert made.preemptions == 1
    assert batches[:2] == [[("first", 0, 4), ("second", 0, 4)], [("first", 4, 1), ("second", 4, 1)]]
    assert batches[5] == [("first", 8, 1)]
    assert batches[9] == [("second", 0, 8)]  # its prompt and four of its own, in one piece
    assert batches[10] == [("second", 8, 1)]
    assert manager.num_free == 4


def test_who_has_priority_does_not_wait_for_the_others():
    _, made = scheduler(seqs=1)
    made.add(sequence("later", 4, 8))
    play(made.schedule(), made)
    made.add(sequence("urgent", 4, 1, priority=-1))
    made.add(sequence("equal", 4, 1))
    order = []
    while made.has_work:
        batch = made.schedule()
        order += names(batch)
        play(batch, made)
    assert order == ["urgent", *["later"] * 7, "equal"]  # one was drawn before


def test_nobody_yields_where_it_would_not_help():
    _, made = scheduler()
    made.add(sequence("large", 16, 4, priority=-1))
    made.add(sequence("small", 1, 4, priority=1))
    play(made.schedule(), made)
    made.schedule()
    made.add(sequence("middle", 12, 1))
    assert names(made.schedule()) == ["large", "small"]
    assert made.preemptions == 0


def test_deadlines_are_told_whether_running_or_waiting():
    _, made = scheduler(seqs=1)
    runs, waits = sequence("runs", 4, 8, deadline=10.0), sequence("waits", 4, 8, deadline=9.0)
    for queued in (runs, waits, sequence("patient", 1, 1)):
        made.add(queued)
    made.schedule()
    assert made.overdue(8.9) == []
    assert made.overdue(9.0) == [waits]
    assert made.overdue(11.0) == [runs, waits]


def test_a_cancelled_crowd_costs_no_more_for_who_waits_before_it():
    _, made = scheduler(seqs=1)
    comparisons = []

    class Counted(Sequence):
        @property
        def order(self):
            comparisons.append(1)
            return (self.priority, self.arrival, self.index)

    crowd = [Counted(str(n), 0, (2,), SamplingParams(), 1) for n in range(2000)]
    for queued in crowd:
        made.add(queued)
    made.schedule()
    comparisons.clear()
    for queued in reversed(crowd):
        made.finish(queued)
    assert not made.has_work
    assert len(comparisons) < 2000 * 40  # a few for each, though thousands stand before it


def test_lower_priority_numbers_first_then_first_come():
    _, made = scheduler(seqs=1)
    for name, priority in (("c", 1), ("a", 0), ("d", 1), ("b", 0)):
        made.add(sequence(name, 2, 1, priority))
    order = []
    while made.has_work:
        batch = made.schedule()
        order += names(batch)
        play(batch, made)
    assert order == ["a", "b", "c", "d"]


def test_a_large_prompt_is_not_overtaken():
    _, made = scheduler()
    made.add(sequence("runs", 4, 8))
    made.schedule()
    made.add(sequence("large", 20, 1))
    made.add(sequence("small", 1, 1))
    assert names(made.schedule()) == ["runs"]
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
    modules = (
        "engine.scheduler engine.block_manager engine.sequence engine.sampling_params interp.spec "
        "engine.outputs tokenizer tokenizer.detokenizer plan plan.energy training.logbook config "
        "model_files.generation_config"
    )
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


@pytest.mark.parametrize("waits", [False, True], ids=["running", "waiting"])
def test_another_priority_holds_from_the_next_step_on(waits):
    _, made = scheduler(seqs=1, blocks=8)
    first, second = sequence("first", 2, 6), sequence("second", 2, 6)
    made.add(first)
    made.add(second)
    play(made.schedule(), made)
    if waits:
        made.set_priority(second, -1)
    else:
        made.set_priority(first, 1)
    assert names(made.schedule()) == ["second"]
    assert made.preemptions == 1
    made.finish(second)
    made.set_priority(second, 5)
    assert names(made.schedule()) == ["first"]
