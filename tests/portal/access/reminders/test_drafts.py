"""Drafts that nobody touches are removed, after a letter that had fourteen days."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.models import AccessRequest
from portal.access.reminders.tick import tick
from portal.access.requests.drafts import save_draft
from portal.audit.events import EventType
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_draft
from tests.factories.accounts import LONG_AGO, make_user
from tests.factories.catalog import make_repo
from tests.portal.access.reminders.helpers import DAY, SECOND, deliver, events, letters

pytestmark = pytest.mark.django_db
REMINDED = LONG_AGO + timedelta(days=76)
REMOVED = LONG_AGO + timedelta(days=90)


@pytest.fixture
def draft():
    return make_draft(make_repo(), make_user())


def test_a_reminder_comes_fourteen_days_before(draft):
    assert tick(REMINDED - SECOND) == {}
    assert tick(REMINDED) == {"draft_reminder": 1}
    assert tick(REMINDED + DAY) == {}
    assert letters("draft_reminder")[0].recipient == draft.applicant


def test_it_is_removed_ninety_days_after_it_was_saved(draft):
    tick(REMINDED)
    deliver(REMINDED)
    assert tick(REMOVED - SECOND) == {}
    assert tick(REMOVED) == {"draft_removed": 1}
    assert not AccessRequest.objects.exists()
    assert events(EventType.DRAFT_REMOVED)[0].target_id == str(draft.pk)


def test_a_reminder_that_left_late_gives_fourteen_days_from_then(draft):
    tick(REMINDED)
    deliver(REMINDED + 5 * DAY)
    assert tick(REMOVED + 5 * DAY - SECOND) == {}
    assert tick(REMOVED + 5 * DAY) == {"draft_removed": 1}


def test_without_a_reminder_nothing_is_removed(draft):
    assert tick(REMOVED + 100 * DAY) == {"draft_reminder": 1}
    assert AccessRequest.objects.exists()


def test_what_can_not_be_told_is_not_kept_for_ever(draft):
    tick(REMINDED)
    OutboxMessage.objects.update(state=OutboxMessage.State.FAILED)
    assert tick(REMINDED + 14 * DAY) == {"draft_removed": 1}


def test_saving_it_begins_the_count_anew(draft):
    tick(REMINDED)
    deliver(REMINDED)
    saved = REMOVED - DAY
    save_draft(applicant=draft.applicant, request_id=draft.pk, answers={}, now=saved)
    assert tick(REMOVED) == {}
    assert tick(saved + timedelta(days=76)) == {"draft_reminder": 1}
    assert len(letters("draft_reminder")) == 2
