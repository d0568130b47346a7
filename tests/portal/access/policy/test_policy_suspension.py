"""After a restore that doesn't know all endings, nothing opens until an operator has looked."""

from __future__ import annotations

import pytest

from portal.access.holds.suspension import resume_access, suspend_access
from portal.access.policy.policy import Action, Reason, may
from portal.audit.models import AuditEvent
from portal.errors import Conflict, FieldErrors
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo
from tests.factories.grants import make_accepted, make_administrator, make_hold
from tests.factories.jobs import make_waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def grant(now):
    return make_accepted(now=now)


@pytest.fixture
def suspension(grant, now):
    return suspend_access(reason="Restored, to be looked at.", now=now)


def reason(person, repo, now, action=Action.DOWNLOAD):
    return may(person, action, repo, now).reason


def test_neither_grant_nor_role_opens_a_model(grant, suspension, now):
    for person in (grant.person, make_administrator(grant.repo), make_user(superuser=True)):
        permission = may(person, Action.DOWNLOAD, grant.repo, now)
        assert (permission.reason, permission.since) == (Reason.RESTORED, now)
    assert reason(grant.person, grant.repo, now, Action.INFER) == Reason.RESTORED


def test_waiting_gives_no_inference(suspension, now):
    repo = make_repo()
    person = make_waiting(repo, tokens_per_day=100, now=now)
    assert reason(person, repo, now, Action.INFER) == Reason.RESTORED


def test_what_is_open_to_everybody_stays_open(suspension, now):
    assert may(None, Action.DOWNLOAD, make_repo(gate="open"), now).allowed
    assert may(make_user(), Action.DOWNLOAD, make_repo(gate="open"), now).allowed


def test_other_refusals_stay_as_they_are(grant, suspension, now):
    assert reason(make_user(), grant.repo, now) == Reason.NO_REQUEST
    held = make_accepted(grant.repo, now=now).person
    make_hold(held, grant.repo, now=now)
    assert reason(held, grant.repo, now) == Reason.SUSPENDED


def test_it_is_lifted_with_words_that_the_record_keeps(grant, suspension, now):
    with pytest.raises(FieldErrors):
        resume_access(reason=" ", now=now)
    resume_access(reason="Compared with the letters.", now=now)
    assert may(grant.person, Action.DOWNLOAD, grant.repo, now).allowed
    event = AuditEvent.objects.get(type="access.resumed")
    assert event.data["reason"] == "Compared with the letters."


def test_again_changes_nothing(suspension, now):
    assert suspend_access(reason="Again.", now=now) == suspension
    resume_access(reason="Looked.", now=now)
    with pytest.raises(Conflict):
        resume_access(reason="Again.", now=now)


def test_a_suspension_costs_a_download_no_query(grant, now, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert may(grant.person, Action.DOWNLOAD, grant.repo, now).allowed
