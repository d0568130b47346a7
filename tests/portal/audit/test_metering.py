"""The number of events that one person can append to the record in an hour is limited."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from portal.audit.errors import TooManyEvents
from portal.audit.events import EventType
from portal.audit.metering import BOUNDS, Bound
from portal.audit.models import AuditEvent
from portal.audit.services import record
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three_an_hour(monkeypatch):
    monkeypatch.setitem(BOUNDS, EventType.EXPORT_MADE, Bound(3, "exports"))


def export(person, at):
    with transaction.atomic():
        return record(EventType.EXPORT_MADE, actor=person, target=make_user(), at=at)


def test_past_the_bound_nothing_is_recorded(now):
    person = make_user()
    for minutes in (0, 10, 20):
        export(person, now + timedelta(minutes=minutes))
    with pytest.raises(TooManyEvents, match="as many exports as one person may have") as refused:
        export(person, now + timedelta(minutes=30))
    assert refused.value.retry_after_seconds == 30 * 60 + 1
    assert AuditEvent.objects.filter(type=EventType.EXPORT_MADE).count() == 3
    assert export(person, now + timedelta(minutes=61))


def test_others_and_other_events_go_on(now):
    person = make_user()
    for _ in range(3):
        export(person, now)
    assert export(make_user(), now)
    assert export(None, now)
    with transaction.atomic():
        assert record(EventType.HOLD_PLACED, actor=person, target=person, at=now)


def test_a_page_says_when_to_try_again(client, monkeypatch):
    monkeypatch.setitem(BOUNDS, EventType.OWN_DATA_EXPORTED, Bound(1, "exports of your data"))
    client.force_login(make_user())
    assert client.post("/settings/my-data").status_code == 200
    refused = client.post("/settings/my-data")
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 3500
    assert "Try again in 60 minutes" in refused.content.decode()
