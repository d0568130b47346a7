"""The next place in the engine goes by person, then by sample."""

from __future__ import annotations

from collections import Counter
from itertools import count
from uuid import uuid4

import pytest

from portal.jobs.models import Job
from workers.runs import Run
from workers.sharing.counters import FairCounters
from workers.sharing.shares import Shares

PLACES = 8


def make_run(person, samples, *, priority=0, prompts=1):
    job = Job(
        pk=uuid4(),
        person_id=person,
        prompts=[[2, 7]] * prompts,
        n=samples,
        priority=priority,
        params={"logprobs": None},
    )
    return Run.of(job)


@pytest.fixture
def engine():
    return Places()


class Places:
    """The loop's use of shares, without an engine."""

    def __init__(self):
        self.runs = []
        self.arrivals = count()
        self.counters = FairCounters()

    def feed(self):
        shares = Shares(self.runs, PLACES, self.counters, self.arrivals)
        fed = []
        while (placement := shares.next()) is not None:
            self._place(placement)
            fed.append(placement.run.job.person_id)
        return fed

    def _place(self, placement):
        if (sample := placement.displaced) is not None:
            sample.run.live[sample.request_id] = sample.turn.displaced()
        run = placement.run
        request_id = placement.resumed or f"{run.job.pk}/{run.waiting.popleft()}"
        run.live[request_id] = placement.turn

    def running(self):
        placed = Counter()
        for run in self.runs:
            placed[run.job.person_id] += sum(turn.slot is not None for turn in run.live.values())
        return dict(placed)

    def end_one(self, run):
        del run.live[min(run.live, key=lambda request_id: run.live[request_id].arrival)]


def test_one_person_alone_has_every_place(engine):
    engine.runs = [make_run(1, 128)]
    assert engine.feed() == [1] * PLACES


def test_people_take_turns_whatever_they_asked_for(engine):
    engine.runs = [make_run(1, 128), make_run(2, 1), make_run(3, 3, prompts=2)]
    assert engine.feed() == [1, 2, 3, 1, 3, 1, 3, 1]


def test_one_person_of_many_jobs_counts_once(engine):
    engine.runs = [*[make_run(1, 16) for _ in range(7)], make_run(2, 16)]
    engine.feed()
    assert engine.running() == {1: 4, 2: 4}


def test_a_persons_own_jobs_share_what_the_person_has(engine):
    long, short = make_run(1, 128), make_run(1, 4)
    engine.runs = [long, short]
    engine.feed()
    assert (len(long.live), len(short.live)) == (4, 4)


def test_a_newcomer_takes_the_last_place_of_who_has_them_all(engine):
    engine.runs = [make_run(1, 128)]
    engine.feed()
    engine.runs.append(make_run(2, 1))
    assert engine.feed() == [2]
    assert engine.running() == {1: PLACES - 1, 2: 1}


def test_newcomers_take_no_more_than_their_share(engine):
    engine.runs = [make_run(1, 128)]
    engine.feed()
    engine.runs.append(make_run(2, 128))
    assert engine.feed() == [2] * 4
    assert engine.running() == {1: 4, 2: 4}
    engine.runs.append(make_run(3, 128))
    engine.feed()
    assert sorted(engine.running().values()) == [2, 3, 3]
    assert engine.feed() == []


def test_who_had_to_yield_goes_on_before_feeding_more(engine):
    first, second = make_run(1, 128), make_run(2, 1)
    engine.runs = [first]
    engine.feed()
    engine.runs.append(second)
    engine.feed()
    engine.end_one(first)
    assert engine.feed() == [1], "the sample that gave way has the place"
    assert len(first.live) == PLACES - 1
    engine.end_one(first)
    assert engine.feed() == [1]
    assert engine.running() == {1: PLACES - 1, 2: 1}


def test_as_many_people_as_places_have_one_each_and_the_next_waits(engine):
    engine.runs = [make_run(person, 16) for person in range(PLACES + 1)]
    assert engine.feed() == list(range(PLACES))
