"""A case that nobody on the team may decide goes to the owners within a minute."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.models import Escalation
from portal.access.reminders.tick import tick
from portal.audit.events import EventType
from portal.catalog.models import TeamMember
from tests.factories.access import make_request
from tests.factories.accounts import LONG_AGO, make_lab, make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_gate
from tests.portal.access.reminders.helpers import events, fresh, letters, recipients

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def repo():
    return make_repo(namespace=make_lab(publisher=make_user("the-owner")))


def decline_for_conflict(case, reviewer):
    case.conflict_declarations.create(
        reviewer=reviewer, has_conflict=True, statement="We wrote together.", declared_at=LONG_AGO
    )


def test_a_team_of_nobody_strands_it_within_a_minute(repo):
    case = make_request(repo)
    assert tick(LONG_AGO + MINUTE) == {"stranded": 1}
    escalation = Escalation.objects.get(request=case)
    assert (escalation.level, escalation.reason) == (2, Escalation.Reason.STRANDED)
    assert fresh(case).escalation_level == 2
    assert "the-owner" in recipients("stranded")
    assert events(EventType.REQUEST_STRANDED)[0].data == {"able": 0, "quorum": 1}


def test_it_is_told_once_a_week(repo):
    make_request(repo)
    tick(LONG_AGO + MINUTE)
    count = len(letters("stranded"))
    assert tick(LONG_AGO + 2 * MINUTE) == {}
    assert len(letters("stranded")) == count


def test_one_free_reviewer_is_enough_for_a_quorum_of_one(repo):
    make_reviewer(repo)
    make_request(repo)
    assert tick(LONG_AGO + MINUTE) == {}


def test_a_quorum_counts_only_who_has_no_conflict(repo):
    make_gate(repo, quorum=2)
    first, second = make_reviewer(repo), make_reviewer(repo)
    case = make_request(repo)
    assert tick(LONG_AGO + MINUTE) == {}
    decline_for_conflict(case, first)
    assert tick(LONG_AGO + 2 * MINUTE) == {"stranded": 1}
    assert events(EventType.REQUEST_STRANDED)[0].data == {"able": 1, "quorum": 2}
    assert second.pk


def test_an_old_case_has_its_turn_within_ten_minutes(repo):
    reviewer = make_reviewer(repo)
    case = make_request(repo)
    later = LONG_AGO + timedelta(days=1)
    TeamMember.objects.filter(user=reviewer).delete()
    done = [tick(later + number * MINUTE) for number in range(10)]
    assert done.count({"stranded": 1}) == 1
    assert fresh(case).escalation_level == 2


def test_someone_whose_account_is_closed_decides_nothing(repo):
    reviewer = make_reviewer(repo)
    reviewer.is_active = False
    reviewer.save()
    make_request(repo)
    assert tick(LONG_AGO + MINUTE) == {"stranded": 1}
