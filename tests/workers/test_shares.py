"""The next place in the engine goes by person, then by sample."""

from __future__ import annotations

from itertools import count
from uuid import uuid4

import pytest

from portal.jobs.models import Job
from workers.runs import Run
from workers.shares import Shares

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
        self.fed = []
        self.arrivals = count()

    def shares(self):
        return Shares(self.runs, PLACES, self.arrivals)

    def feed(self):
        shares, fed = self.shares(), []
        while (turn := shares.next()) is not None:
            run, place = turn
            run.live[f"{run.job.pk}/{run.waiting.popleft()}"] = place
            fed.append(run.job.person_id)
        self.fed += fed
        return fed

    def running(self):
        people = [run.job.person_id for run in self.shares().running()]
        return {person: people.count(person) for person in people}

    def end_one(self, run):
        del run.live[min(run.live, key=run.live.get)]


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
    assert engine.feed() == [], "the sample that yielded has the place"
    engine.end_one(first)
    assert engine.feed() == [1]
    assert engine.running() == {1: PLACES - 1, 2: 1}


def test_as_many_people_as_places_have_one_each_and_the_next_waits(engine):
    engine.runs = [make_run(person, 16) for person in range(PLACES + 1)]
    assert engine.feed() == list(range(PLACES))


def test_priority_goes_before_shares(engine):
    engine.runs = [make_run(1, 128), make_run(2, 5, priority=-1)]
    assert engine.feed() == [2] * 5 + [1] * 3
