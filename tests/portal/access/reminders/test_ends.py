"""Offers and grants are announced before their end and at it; a renewal under way silences it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.models import Grant, Hold, Renewal
from portal.audit.events import EventType
from portal.catalog.models import TeamMember
from tests.factories.access import make_grant
from tests.factories.accounts import LONG_AGO, make_lab, make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.portal.access.reminders.helpers import DAY, SECOND, events, letters, recipients, tick

pytestmark = pytest.mark.django_db


@pytest.fixture
def grant():
    """Make a grant of a year, at a repo with an administrator."""
    repo = make_repo(namespace=make_lab(publisher=make_user("the-owner")))
    make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR, username="the-administrator")
    return make_grant(repo)


def keys(kind: str) -> list[str]:
    return [letter.key.partition("-")[2].partition("-")[2] for letter in letters(kind)]


def test_it_is_announced_sixty_thirty_and_seven_days_before(grant):
    for days in (60, 30, 7):
        moment = grant.expires_at - timedelta(days=days)
        assert tick(moment - SECOND) == {}
        assert tick(moment) == {"grant_reminder": 1}
        assert tick(moment + SECOND) == {}
    assert keys("grant_reminder") == ["ends-in-60", "ends-in-30", "ends-in-7"]
    assert [event.data["days"] for event in events(EventType.REMINDED)] == [60, 30, 7]


def test_one_that_was_missed_is_not_made_up(grant):
    assert tick(grant.expires_at - 20 * DAY) == {"grant_reminder": 1}
    assert keys("grant_reminder") == ["ends-in-30"]


def test_a_short_grant_is_not_announced_on_its_first_day():
    grant = make_grant(make_repo(), days=30)
    assert tick(LONG_AGO + DAY) == {}
    assert tick(grant.expires_at - 7 * DAY) == {"grant_reminder": 1}


def test_on_the_day_the_duties_and_the_statement(grant):
    assert tick(grant.expires_at - SECOND) == {"grant_reminder": 1}
    assert tick(grant.expires_at) == {"grant_ended": 1}
    assert tick(grant.expires_at + DAY) == {}
    assert "Delete the weights" in " ".join(letters("grant_ended")[0].text.split())
    assert len(events(EventType.GRANT_ENDED)) == 1


def test_the_statement_is_asked_for_once_more(grant):
    tick(grant.expires_at)
    assert tick(grant.expires_at + 30 * DAY - SECOND) == {}
    assert tick(grant.expires_at + 30 * DAY) == {"closeout_reminder": 1}
    assert tick(grant.expires_at + 31 * DAY) == {}


def test_who_stated_it_is_asked_for_nothing(grant):
    Grant.objects.filter(pk=grant.pk).update(closed_at=grant.expires_at, closeout="Deleted.")
    assert tick(grant.expires_at) == {}


def test_a_notice_ends_it_earlier(grant):
    ends = LONG_AGO + 100 * DAY
    Grant.objects.filter(pk=grant.pk).update(ends_by_notice_at=ends, notice_reason="A new text.")
    assert tick(ends - DAY) == {}
    assert tick(ends) == {"grant_ended": 1}


def test_an_end_long_past_is_left_alone(grant):
    assert tick(grant.expires_at + 61 * DAY) == {}


def test_a_renewed_grant_says_nothing(grant):
    Grant.objects.create(
        repo=grant.repo,
        person=grant.person,
        acceptance=grant.acceptance,
        parent=grant,
        modes=grant.modes,
        starts_at=grant.expires_at,
        expires_at=grant.expires_at + 365 * DAY,
    )
    assert tick(grant.expires_at - 7 * DAY) == {}
    assert tick(grant.expires_at) == {}


@pytest.fixture
def renewal(grant):
    return Renewal.objects.create(
        grant=grant,
        acceptance=grant.acceptance,
        report="Two papers.",
        filed_at=grant.expires_at - 80 * DAY,
        due_at=grant.expires_at - 66 * DAY,
    )


def test_a_renewal_that_is_asked_for_silences_the_reminders(grant, renewal):
    tick(renewal.due_at)
    assert tick(grant.expires_at - 60 * DAY) == {}


def test_an_undecided_renewal_escalates_as_a_request_does(grant, renewal):
    assert tick(renewal.due_at - SECOND) == {}
    assert tick(renewal.due_at) == {"renewal_overdue": 1}
    assert recipients("renewal_overdue") == {grant.person.username}
    assert recipients("renewal_overdue_team") == {"the-administrator"}
    week = renewal.due_at + 7 * DAY
    assert tick(week - SECOND) == {}
    assert tick(week) == {"renewal_still_overdue": 1}
    assert "the-owner" in recipients("renewal_overdue_owners")
    assert tick(week + DAY) == {}
    assert [event.data["level"] for event in events(EventType.RENEWAL_OVERDUE)] == [1, 2]


@pytest.fixture
def offer(grant):
    """Make an offer of thirty days from LONG_AGO."""
    Grant.objects.filter(pk=grant.pk).update(
        starts_at=None, acceptance=None, offered_at=LONG_AGO, offer_expires_at=LONG_AGO + 30 * DAY
    )
    return Grant.objects.get(pk=grant.pk)


def test_an_offer_is_announced_a_week_before_and_at_its_end(offer):
    ends = offer.offer_expires_at
    assert tick(ends - 7 * DAY - SECOND) == {}
    assert tick(ends - 7 * DAY) == {"offer_reminder": 1}
    assert tick(ends - SECOND) == {}
    assert tick(ends) == {"offer_lapsed": 1}
    assert tick(ends + SECOND) == {}
    assert len(events(EventType.GRANT_OFFER_LAPSED)) == 1


def test_an_offer_that_was_taken_back_lapses_quietly(offer):
    Grant.objects.filter(pk=offer.pk).update(
        revoked_at=LONG_AGO + DAY, revoked_by=offer.person, revocation_reason="An error."
    )
    assert tick(offer.offer_expires_at) == {}


def test_a_hold_is_asked_about_each_thirty_days(grant):
    hold = Hold.objects.create(
        scope=Hold.Scope.PERSON,
        repo=grant.repo,
        person=grant.person,
        reason="A token leaked.",
        placed_by=grant.person,
        placed_at=LONG_AGO,
    )
    assert tick(LONG_AGO + 30 * DAY - SECOND) == {}
    assert tick(LONG_AGO + 30 * DAY) == {"hold_reminder": 1}
    assert tick(LONG_AGO + 31 * DAY) == {}
    assert tick(LONG_AGO + 60 * DAY) == {"hold_reminder": 1}
    assert recipients("hold_reminder") == {"the-administrator"}
    hold.lifted_at = LONG_AGO + 61 * DAY
    hold.save()
    assert tick(LONG_AGO + 90 * DAY) == {}
