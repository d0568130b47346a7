"""Whatever is done to the record, the first event that it was done to is named, and how."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import models

from portal.audit.checking import Fault, verify_chain
from portal.audit.hashing import event_hash
from portal.audit.heads import Head, hourly_head, published_heads
from portal.audit.models import AuditEvent, ChainHead
from tests.portal.audit.chains import change, delete, insert_before, rebuild_from, swap

pytestmark = pytest.mark.django_db
COLUMNS = [field.attname for field in AuditEvent._meta.concrete_fields]


def another(value: Any, field: models.Field) -> Any:
    """Return a value for the column that differs from the present one by little."""
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, dict):
        return value | {"number": 99}
    if isinstance(field, models.ForeignKey):
        return None
    if isinstance(value, int):
        return value + 100
    return f"{value[:-1]}{'1' if value[-1:] != '1' else '2'}"


def found(*heads: Head) -> Fault:
    fault = verify_chain(heads).fault
    assert fault is not None
    return fault


def test_a_chain_that_nobody_touched_has_no_fault(five_published):
    copy = list(published_heads())
    assert verify_chain(copy).fault is None


@pytest.mark.parametrize("column", COLUMNS)
def test_each_column_is_under_the_hash(five_events, column):
    event = five_events[2]
    change(3, **{column: another(getattr(event, column), AuditEvent._meta.get_field(column))})
    fault = found()
    assert fault.sequence == 3
    if column == "sequence":
        assert fault.kind == "missing"
    else:
        assert (fault.kind, fault.at) == (
            "link" if column == "previous_hash" else "content",
            AuditEvent.objects.get(pk=3).at,
        )


@pytest.mark.parametrize("column", COLUMNS)
def test_each_column_of_the_first_event_too(five_events, column):
    event = five_events[0]
    change(1, **{column: another(getattr(event, column), AuditEvent._meta.get_field(column))})
    assert found().sequence == 1


def test_an_event_removed(five_events):
    delete(2)
    fault = found()
    assert (fault.sequence, fault.kind) == (2, "missing")
    assert fault.at == five_events[2].at  # of the one that follows


def test_an_event_put_in_between(five_events):
    insert_before(3)
    fault = found()
    assert (fault.sequence, fault.kind) == (4, "link")


def test_an_event_put_before_the_first(five_events):
    first = AuditEvent.objects.get(pk=1)
    first.sequence, first.hash = 0, "f" * 64
    first.save(force_insert=True)
    assert (found().sequence, found().kind) == (0, "inserted")


@pytest.mark.parametrize(("one", "other"), [(2, 3), (2, 5), (1, 2)])
def test_two_events_that_changed_places(five_events, one, other):
    swap(one, other)
    assert found().sequence == one


def test_a_changed_event_with_its_own_hash_made_right(five_events):
    """Then the event after it no longer fits."""
    event = five_events[2]
    event.data = {"number": 99}
    event.hash = event_hash(event)
    event.save()
    assert (found().sequence, found().kind) == (4, "link")


def test_the_end_cut_off(five_published):
    delete(4, 5)
    fault = found()
    assert (fault.sequence, fault.kind, fault.day) == (4, "cut", "2026-11-23")
    assert "published as event 5" in fault.reason


def test_the_end_cut_off_with_its_published_head(five_published):
    copy = list(published_heads())
    delete(4, 5)
    ChainHead.objects.all()._raw_delete("default")
    assert verify_chain().fault is None  # nothing here can tell
    assert found(*copy).kind == "cut"


def test_the_end_cut_off_after_an_hour(five_events, now):
    copy = hourly_head(now + timedelta(hours=1))
    delete(5)
    assert verify_chain().fault is None  # nothing here can tell
    assert (found(copy).kind, found(copy).sequence) == ("cut", 5)


def test_the_whole_emptied_with_its_published_heads(five_published):
    AuditEvent.objects.all()._raw_delete("default")
    ChainHead.objects.all()._raw_delete("default")
    assert (found().sequence, found().kind) == (1, "cut")
    assert "no event is left" in found().reason


def test_the_whole_emptied(five_published):
    AuditEvent.objects.all()._raw_delete("default")
    assert (found().sequence, found().kind) == (1, "cut")


def rebuilt() -> None:
    change(2, data={"number": 99})
    rebuild_from(2)


def test_the_chain_rebuilt_with_right_hashes(five_published):
    rebuilt()
    fault = found()
    assert (fault.sequence, fault.kind, fault.day) == (5, "rebuilt", "2026-11-23")


def test_the_chain_and_its_published_heads_rebuilt(five_published):
    copy = list(published_heads())
    rebuilt()
    ChainHead.objects.filter(sequence=5).update(hash=AuditEvent.objects.get(pk=5).hash)
    assert verify_chain().fault is None  # nothing here can tell
    assert found(*copy).kind == "rebuilt"


def test_a_published_head_moved_to_another_event(five_published):
    copy = list(published_heads())
    ChainHead.objects.filter(day=copy[-1].day).update(sequence=4, hash=five_published[3].hash)
    assert verify_chain().fault is None
    fault = found(*copy)
    assert (fault.kind, fault.day) == ("heads", "2026-11-23")
    assert "now as event 4" in fault.reason


def test_a_published_head_taken_back(five_published):
    copy = list(published_heads())
    ChainHead.objects.filter(day=copy[-1].day)._raw_delete("default")
    assert (found(*copy).kind, found(*copy).day) == ("heads", "2026-11-23")


def test_a_copy_older_than_the_newest_heads_is_enough(five_published, now):
    copy = list(published_heads())[:1]
    assert verify_chain(copy).fault is None
    change(1, data={"number": 99})
    rebuild_from(1)
    assert (found(*copy).sequence, found(*copy).day) == (1, "2026-01-05")
