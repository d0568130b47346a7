"""The head of each day is published once, and never again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from portal.audit.heads import Head, hourly_head, latest_head, publish_heads, published_heads
from portal.audit.models import AuditEvent, ChainHead
from tests.factories.accounts import LONG_AGO, make_user
from tests.portal.audit.chains import append

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def days() -> list[tuple[str, int]]:
    return [(head.day.isoformat(), head.sequence) for head in published_heads()]


@pytest.fixture
def person():
    """Make an account, whose own event is the first, of 2026-01-05."""
    return make_user()


def test_an_empty_record_has_no_heads(now):
    assert publish_heads(now) == 0
    assert latest_head(now) is None


def test_a_day_that_has_not_ended_has_no_head(person):
    assert publish_heads(LONG_AGO) == 0
    assert latest_head(LONG_AGO) is None


def test_each_ended_day_gets_its_last_event(person):
    append(person, LONG_AGO, LONG_AGO + DAY, LONG_AGO + DAY)
    assert publish_heads(LONG_AGO + 2 * DAY) == 2
    assert days() == [("2026-01-05", 2), ("2026-01-06", 4)]
    last = AuditEvent.objects.get(pk=4)
    assert latest_head(LONG_AGO + 2 * DAY) == Head(date(2026, 1, 6), 4, last.hash)


def test_a_day_without_events_repeats_the_head_before(person):
    publish_heads(LONG_AGO + 3 * DAY)
    assert days() == [("2026-01-05", 1), ("2026-01-06", 1), ("2026-01-07", 1)]


def test_days_are_utc(person):
    midnight = datetime(2026, 1, 6, tzinfo=UTC)
    append(person, midnight - timedelta(microseconds=1), midnight)
    publish_heads(midnight)
    assert days() == [("2026-01-05", 2)]


def test_publishing_again_changes_nothing(person):
    publish_heads(LONG_AGO + DAY)
    before = list(ChainHead.objects.values())
    assert publish_heads(LONG_AGO + DAY) == 0
    assert list(ChainHead.objects.values()) == before


def test_it_goes_on_from_the_last_one_published(person):
    publish_heads(LONG_AGO + DAY)
    append(person, LONG_AGO + 2 * DAY)
    assert publish_heads(LONG_AGO + 4 * DAY) == 3
    assert days()[1:] == [("2026-01-06", 1), ("2026-01-07", 2), ("2026-01-08", 2)]


def test_an_event_dated_back_counts_for_the_next_day(person):
    publish_heads(LONG_AGO + DAY)
    append(person, LONG_AGO)
    publish_heads(LONG_AGO + 2 * DAY)
    assert days() == [("2026-01-05", 1), ("2026-01-06", 2)]


def test_what_was_published_stands_even_if_its_event_is_gone(person):
    publish_heads(LONG_AGO + DAY)
    digest = ChainHead.objects.get().hash
    AuditEvent.objects.all()._raw_delete("default")
    publish_heads(LONG_AGO + 2 * DAY)
    assert set(ChainHead.objects.values_list("hash", flat=True)) == {digest}


def test_a_head_is_one_line_in_a_letter(person):
    publish_heads(LONG_AGO + DAY)
    head = latest_head(LONG_AGO + DAY)
    assert head.words == f"Record head of 2026-01-05: 1 {head.hash[:16]}…"


def test_a_head_is_never_deleted_by_accident(person):
    publish_heads(LONG_AGO + DAY)
    with pytest.raises(TypeError):
        ChainHead.objects.get().delete()


def test_the_clock_publishes_them(person):
    from workers.maintenance import publish_chain_heads

    publish_chain_heads()
    assert ChainHead.objects.exists()


def test_the_hours_head_is_the_last_event_before_the_hour(now):
    make_user()
    before, within = append(make_user(), now.replace(minute=0), now.replace(minute=30))
    head = hourly_head(now + timedelta(hours=1))
    assert (head.sequence, head.hash) == (within.sequence, within.hash)
    assert str(head).startswith("2026-11-23T11:00Z ")
    assert hourly_head(now.replace(minute=45)).sequence < before.sequence


def test_there_is_no_hours_head_beyond_the_days(five_published, now):
    assert hourly_head(now + timedelta(days=1)) is None
