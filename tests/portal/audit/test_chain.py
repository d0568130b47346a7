"""The audit chain: each event holds the one before, whoever writes and however many at once."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from portal.audit.checking import verify_chain
from portal.audit.events import EventType
from portal.audit.services import record
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db


def test_each_event_holds_the_hash_of_the_one_before(five_events):
    for before, after in itertools.pairwise(five_events):
        assert after.previous_hash == before.hash
        assert after.sequence == before.sequence + 1
    report = verify_chain()
    assert (report.events, report.head, report.fault) == (5, five_events[-1].hash, None)


def test_an_event_is_never_deleted_by_accident(five_events):
    with pytest.raises(TypeError):
        five_events[0].delete()


@pytest.mark.django_db(transaction=True)
def test_recording_outside_a_transaction_is_refused(now):
    person = make_user()
    with pytest.raises(RuntimeError):
        record(EventType.LINK_MINTED, actor=person, target=person, at=now)


@pytest.mark.django_db(transaction=True)
def test_many_writers_make_one_chain(now):
    person = make_user()

    def append(number: int) -> None:
        try:
            with transaction.atomic():
                record(EventType.LINK_MINTED, actor=person, target=person, at=now, n=number)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(append, range(40)))
    report = verify_chain()
    assert (report.events, report.fault) == (41, None)
