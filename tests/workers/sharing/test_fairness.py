"""Tokens are shared by weight among tenants, and equally among the people of each."""

from __future__ import annotations

import pytest

from portal.jobs.models import BATCH
from tests.workers.sharing.counting_engine import (
    Backlogs,
    counting_loop,
    jain,
    job_by,
    organization,
)

PLACES = 8
TURNS = 800


@pytest.fixture
def backlogs():
    return Backlogs(counting_loop(PLACES))


def test_equal_people_have_equal_tokens_whatever_their_jobs_are_like(backlogs):
    backlogs.add(1, max_tokens=5)
    backlogs.add(2, max_tokens=60)
    backlogs.add(3, n=12, max_tokens=20)
    backlogs.add(4, prompt=200, max_tokens=2)
    backlogs.turn(TURNS)
    assert jain(backlogs.tokens().values()) >= 0.98


def test_so_have_more_people_than_places(backlogs):
    for person in range(20):
        backlogs.add(person, max_tokens=5 + person, prompt=1 + 3 * person)
    backlogs.turn(TURNS)
    assert len(backlogs.tokens()) == 20
    assert jain(backlogs.tokens().values()) >= 0.95


def test_organizations_have_equal_tokens_however_many_people_they_have(backlogs):
    large = organization(1)
    for person in range(10):
        backlogs.add(person, at=large, max_tokens=10 + person)
    backlogs.add(20, at=organization(2), n=8)
    backlogs.add(30, at=organization(3), max_tokens=50)
    backlogs.add(40)
    backlogs.turn(2 * TURNS)
    of_each = backlogs.tokens(lambda _, person, shape: person // 10)
    assert jain(of_each.values()) >= 0.98
    within = [tokens for number, tokens in backlogs.tokens().items() if number < 10]
    assert len(within) == 10
    assert jain(within) >= 0.95


def test_weights_multiply_shares(backlogs):
    backlogs.add(1, at=organization(1, weight=3))
    backlogs.add(2, at=organization(2))
    backlogs.turn(TURNS)
    tokens = backlogs.tokens()
    assert tokens[0] / tokens[1] == pytest.approx(3, rel=0.1)


def test_jobs_with_a_floor_have_their_share_together(backlogs, settings):
    settings.FLOOR_PERCENT = 20
    for person in range(16):
        backlogs.add(person)
    backlogs.add(20, has_floor=True)
    backlogs.add(21, has_floor=True)
    backlogs.turn(TURNS)
    tokens = backlogs.tokens()
    assert 0.195 <= (tokens[16] + tokens[17]) / tokens.total() <= 0.25
    assert jain([tokens[16], tokens[17]]) >= 0.95
    assert jain([tokens[person] for person in range(16)]) >= 0.95


def test_a_floor_holds_beside_as_many_as_there_are_places(backlogs, settings):
    settings.FLOOR_PERCENT = 20
    for person in range(PLACES - 1):
        backlogs.add(person)
    backlogs.add(20, has_floor=True)
    backlogs.turn(TURNS)
    tokens = backlogs.tokens()
    assert tokens[PLACES - 1] / tokens.total() == pytest.approx(0.2, abs=0.02)


def test_a_floor_is_no_ceiling(backlogs, settings):
    settings.FLOOR_PERCENT = 20
    backlogs.add(1)
    backlogs.add(2, has_floor=True)
    backlogs.turn(TURNS)
    assert jain(backlogs.tokens().values()) >= 0.98


def test_a_floor_gives_nobody_two_shares(backlogs, settings):
    settings.FLOOR_PERCENT = 20
    backlogs.add(1, at=organization(1))
    backlogs.add(1, at=organization(1), has_floor=True)
    backlogs.add(2)
    backlogs.turn(TURNS)
    of_each = backlogs.tokens(lambda _, person, shape: person)
    assert jain(of_each.values()) >= 0.98


def test_batches_have_a_small_share_while_others_wait(backlogs, settings):
    settings.BATCH_PERCENT = 5
    backlogs.add(1, n=8)
    backlogs.add(2)
    backlogs.add(3, priority=BATCH)
    backlogs.add(4, priority=BATCH)
    backlogs.turn(2 * TURNS)
    tokens = backlogs.tokens()
    assert (tokens[2] + tokens[3]) / tokens.total() == pytest.approx(0.05, abs=0.02)
    assert jain([tokens[0], tokens[1]]) >= 0.98


def test_batches_have_the_engine_where_nobody_waits(backlogs):
    backlogs.add(1, priority=BATCH, max_tokens=500)
    backlogs.turn(3)
    assert len(backlogs.loop.engine.scheduled) == PLACES


def test_an_interactive_job_takes_the_places_of_batches_at_once(backlogs):
    backlogs.add(1, priority=BATCH, max_tokens=500)
    backlogs.turn(20)
    job = job_by(2, n=PLACES)
    backlogs.owners[job.pk] = 1
    backlogs.loop.add(job)
    backlogs.turn(1)
    assert backlogs.loop.engine.computed[job.pk] == PLACES * 4, (
        "all of its prompts, and a token each"
    )


def test_who_had_the_engine_alone_owes_nothing(backlogs):
    backlogs.add(1, max_tokens=50)
    backlogs.turn(300)
    alone = backlogs.tokens()[0]
    backlogs.add(2, max_tokens=50)
    backlogs.turn(300)
    tokens = backlogs.tokens()
    assert jain([tokens[0] - alone, tokens[1]]) >= 0.98


def test_who_wanted_little_has_no_claim_to_the_whole_engine(backlogs):
    modest = job_by(2, max_tokens=300)
    backlogs.owners[modest.pk] = 1
    backlogs.add(1)
    backlogs.loop.add(modest)
    backlogs.turn(299)
    backlogs.add(2, n=8)
    before = backlogs.tokens()
    backlogs.turn(300)
    since = backlogs.tokens() - before
    assert jain(since.values()) >= 0.95
