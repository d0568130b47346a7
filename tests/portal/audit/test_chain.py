"""The audit chain: complete, in order, and honest about the first event that is not."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.services import record, verify_chain
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def five_events(now):
    person = make_user()
    with transaction.atomic():
        for number in range(4):
            record(EventType.LINK_MINTED, actor=person, target=person, at=now, number=number)
    return list(AuditEvent.objects.all())


def test_each_event_holds_the_hash_of_the_one_before(five_events):
    for before, after in itertools.pairwise(five_events):
        assert after.previous_hash == before.hash
        assert after.sequence == before.sequence + 1
    assert verify_chain() == (5, None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data": {"number": 99}}, "content"),
        ({"type": "grant.made"}, "content"),
        ({"actor_id": None}, "content"),
        ({"hash": "0" * 64}, "content"),
        ({"previous_hash": "1" * 64}, "link"),
    ],
)
def test_the_first_changed_event_is_named(five_events, change, reason):
    AuditEvent.objects.filter(sequence=3).update(**change)
    _, fault = verify_chain()
    assert fault.sequence == 3
    assert reason in fault.reason


def test_a_removed_event_is_named(five_events):
    AuditEvent.objects.filter(sequence=2)._raw_delete("default")
    _, fault = verify_chain()
    assert fault.sequence == 2
    assert "missing" in fault.reason


def test_the_command_says_how_many_and_the_head(five_events):
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert "5 events, unbroken" in out.getvalue()
    assert five_events[-1].hash in out.getvalue()


def test_the_command_fails_naming_the_event(five_events):
    AuditEvent.objects.filter(sequence=4).update(data={})
    with pytest.raises(CommandError, match=r"Event 4 \(link.minted"):
        call_command("verify_audit")


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
    assert verify_chain() == (41, None)
