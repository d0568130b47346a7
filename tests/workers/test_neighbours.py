"""One person's many samples barely slow another's few, counted in the real engine's steps."""

from __future__ import annotations

from uuid import uuid4

import pytest

from inference import Engine, SamplingParams
from portal.jobs.models import INTERACTIVE, Job
from portal.jobs.services import Lane
from workers.loop import LANES_PER_PLACE, SAMPLES_AHEAD, EngineLoop

PLACES = 8
FEW_TOKENS = 5


@pytest.fixture
def engine(model):
    with Engine(model=model, max_num_seqs=PLACES) as engine:
        yield engine


@pytest.fixture
def loop(engine):
    """Return the engine's loop, turned by hand."""
    return EngineLoop(engine, PLACES, on_ended=lambda: None)


def make_job(person, *, n=1, prompts=1, max_tokens=FEW_TOKENS, echo=False, logprobs=None):
    params = {
        "max_tokens": max_tokens,
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": 0,
        "seed": 7,
        "stop": [],
        "logprobs": logprobs,
        "ignore_eos": True,
    }
    prompt_ids = [[2, 7 + number, 9] for number in range(prompts)]
    return Job(
        pk=uuid4(), attempt=1, person_id=person, prompts=prompt_ids, n=n, params=params, echo=echo
    )


def turns_until_ended(loop, job, most=5000):
    for turn in range(1, most):
        loop._turn()
        if any(run.job.pk == job.pk for run in loop.ended):
            return turn
    raise AssertionError("it did not end")


def ended(loop, job):
    [run] = [run for run in loop.ended if run.job.pk == job.pk]
    return run.result().events


def test_a_few_tokens_beside_many_samples_take_what_they_take_beside_many_people(loop, engine):
    for person in range(1, PLACES):
        loop.add(make_job(person, max_tokens=80))
    loop._turn()
    few = make_job(100)
    loop.add(few)
    beside_people = turns_until_ended(loop, few)
    for run in loop.runs():
        engine.cancel(next(iter(run.live)))
        run.live.clear()
    loop._turn()

    many = make_job(1, n=128, max_tokens=80)
    loop.add(many)
    for _ in range(10):
        loop._turn()
    assert engine.stats().running == PLACES
    few = make_job(100)
    loop.add(few)
    assert turns_until_ended(loop, few) <= 1.5 * beside_people


def test_neither_do_several_jobs_of_one_person_hold_another_up(loop):
    for _ in range(8):
        loop.add(make_job(1, n=16, max_tokens=80))
    for _ in range(10):
        loop._turn()
    few = make_job(2, prompts=2, n=2)
    loop.add(few)
    assert turns_until_ended(loop, few) <= FEW_TOKENS + 2


def test_many_samples_say_what_they_would_undisturbed(loop, model):
    many = make_job(1, n=20, max_tokens=30)
    loop.add(many)
    for person in range(2, 12):
        for _ in range(7):
            loop._turn()
        loop.add(make_job(person))
    turns_until_ended(loop, many)
    with Engine(model=model) as alone:
        params = SamplingParams(n=20, max_tokens=30, temperature=1.0, seed=7, ignore_eos=True)
        [whole] = alone.generate([[2, 7, 9]], params)
    assert loop.engine.stats().preemptions > 0, "so that it was disturbed"
    assert [event.tokens for event in ended(loop, many)] == [
        list(sample.token_ids) for sample in whole.outputs
    ]


def test_each_sample_has_the_prompts_scores_whenever_it_begins(loop):
    loop.add(make_job(1, n=128, max_tokens=20))
    loop._turn()
    scored = make_job(2, n=12, prompts=2, echo=True, logprobs=0)
    loop.add(scored)
    turns_until_ended(loop, scored)
    events = ended(loop, scored)
    assert [event.choice for event in events] == list(range(24))
    assert [len(event.prompt_logprobs) for event in events] == [3] * 24


def test_the_engines_time_is_shared_by_the_tokens_computed(loop):
    long, short = make_job(1, max_tokens=10), make_job(2, max_tokens=10)
    long.prompts = [[2] * 30]
    loop.add(long)
    loop.add(short)
    loop._turn()
    spent = {run.job.pk: run for run in loop.runs()}
    assert [spent[job.pk].computed_tokens for job in (long, short)] == [30, 3]
    seconds = spent[short.pk].engine_seconds
    assert spent[long.pk].engine_seconds == pytest.approx(10 * seconds)


def test_the_engines_time_is_shared_by_who_runs(loop):
    many, few = make_job(1, n=PLACES * 2, max_tokens=40), make_job(2, max_tokens=40)
    loop.add(many)
    loop.add(few)
    turns_until_ended(loop, few)
    spent = {run.job.pk: run.engine_seconds for run in [*loop.runs(), *loop.ended]}
    assert spent[many.pk] == pytest.approx((PLACES - 1) * spent[few.pk], rel=0.2)


# --- whose jobs are claimed


def test_a_lane_with_samples_that_wait_here_is_passed_over(loop):
    for _ in range(PLACES - 1):
        loop.add(make_job(1))
    assert loop.lanes_passed_over() == set(), "there are places yet"
    loop.add(make_job(2, n=SAMPLES_AHEAD))
    assert loop.lanes_passed_over() == {lane(1), lane(2)}
    loop._turn()
    assert loop.lanes_passed_over() == set(), "nearly all of them have places"
    loop.add(make_job(3, n=SAMPLES_AHEAD))
    assert loop.lanes_passed_over() == {lane(3)}


def test_at_some_number_of_lanes_no_more_jobs_are_claimed(loop):
    for person in range(LANES_PER_PLACE * PLACES):
        loop.add(make_job(person))
    assert loop.lanes_passed_over() is None


def lane(person):
    return Lane(None, person, INTERACTIVE, has_floor=False)
