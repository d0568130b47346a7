"""Nobody waits for ever, whatever others send."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from portal.jobs.models import BATCH, INTERACTIVE
from tests.workers.sharing.counting_engine import counting_loop, job_by, organization

PLACES = 4
WEIGHTED = organization(1, weight=5)

shapes = st.fixed_dictionaries(
    {
        "n": st.integers(1, 6),
        "prompt": st.integers(1, 30),
        "max_tokens": st.integers(1, 12),
        "priority": st.sampled_from([INTERACTIVE, INTERACTIVE, BATCH]),
        "has_floor": st.booleans(),
        "at": st.sampled_from([None, WEIGHTED]),
    }
)
# Strangers who each come once, one or two at a time, and more than the engine has room for.
streams = st.lists(shapes, min_size=1, max_size=6)


def turns_until_done(loop, job, others, most):
    """Turn the loop while strangers come, so many that some always wait."""
    people = count(1000)
    loop.add(job)
    for turn in range(most):
        waiting = sum(run.waiting_count for run in loop.runs())
        for number in range(2 * PLACES - waiting):
            loop.add(job_by(next(people), **others[number % len(others)]))
        loop._turn()
        if job.pk in {run.job.pk for run in loop.ended}:
            return turn
        loop.ended.clear()
    pytest.fail(f"it did not end in {most} turns")


@limits(max_examples=25, deadline=None)
@given(others=streams, mine=shapes)
def test_an_endless_stream_of_newcomers_starves_nobody(others, mine):
    loop = counting_loop(PLACES)
    warm = {"max_tokens": 12, "n": 6}
    for person in range(5):
        loop.add(job_by(person, **warm))
    most = 6000 if mine["priority"] == BATCH else 2000
    turns_until_done(loop, job_by(10, **mine), others, most)


@limits(max_examples=25, deadline=None)
@given(jobs=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20), shapes), max_size=12))
def test_no_place_is_idle_while_samples_wait_and_each_token_is_computed_once(jobs):
    loop = counting_loop(PLACES)
    added = []
    for turn in range(2000):
        for person, begins, shape in jobs:
            if begins == turn:
                added.append(job_by(person, **shape))
                loop.add(added[-1])
        loop._work.set()  # so that it doesn't wait where there is nothing to do
        loop._turn()
        waiting = any(run.waiting_count for run in loop.runs())
        assert not waiting or len(loop.engine.scheduled) == PLACES
        if len(loop.ended) == len(jobs):
            break
    assert len(loop.ended) == len(jobs)
    assert loop.engine.computed == {
        job.pk: job.n * (len(job.prompts[0]) + job.params["max_tokens"]) for job in added
    }
