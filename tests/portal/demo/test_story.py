"""The demo's people and cases: what stands at the gate, who may what, and that it comes once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access.evidence.assessment import assessment_of
from portal.access.grants.checks.clearing import checks_of
from portal.access.grants.renewals import is_renewable
from portal.access.models import AccessRequest, Grant, Hold, Membership
from portal.access.policy.conflicts import conflicts_of
from portal.access.policy.policy import Action, may
from portal.accounts.models import AccessToken, User
from portal.accounts.organizations.register import load_seed
from portal.audit.models import AuditEvent
from portal.demo import cast, people, requests, story
from tests.factories.catalog import make_repo

pytestmark = pytest.mark.django_db

STATES = {
    "former": "approved",
    "renewing": "approved",
    "holder": "approved",
    "approved": "approved",
    "declined": "declined",
    "late": "in_review",
    "appellant": "in_review",
    "waiting": "in_review",
    "applicant": "in_review",
    "asked": "needs_info",
    "held": "held",
}


def seed(now, *, created_at=None):
    began = now - story.BEGAN
    repo = make_repo(hosted=True)
    load_seed(now=began)
    for role in cast.ACCOUNTS:
        people.seed_person(role, {}, began)
    people.seed_others({}, began)
    repo.created_at = created_at or began
    repo.save()
    people.seed_rights(requests.person("operator"), repo, began)
    story.seed_story(repo, now)
    requests.seed_requests(repo, now)
    return repo


def test_a_case_of_every_kind_stands_at_the_gate():
    now = timezone.now()
    repo = seed(now)
    rows = AccessRequest.objects.filter(repo=repo).values_list("applicant__username", "state")
    assert dict(rows) == STATES
    assert requests.request_of("late", repo).escalation_level == 2
    assert is_renewable(requests.grant_of("renewing", repo), now)
    assert requests.grant_of("former", repo).closed_at is not None
    assert Grant.objects.to(requests.person("offered"), repo).offered_at(now).exists()
    joined = Membership.objects.values_list("email", "joined_at")
    assert {email.partition("@")[0]: at is not None for email, at in joined} == {
        "member": True,
        "invited": False,
    }
    assert Hold.objects.get().lifted_at is not None
    assert checks_of(requests.person("reviewer"), now).get().person.username == "member"


def test_who_waits_with_a_proved_affiliation_infers_a_little_and_the_applicant_not():
    now = timezone.now()
    repo = seed(now)
    assert not may(requests.person("applicant"), Action.INFER, repo, now).allowed
    allowed = may(requests.person("waiting"), Action.INFER, repo, now)
    assert allowed.limits.tokens_per_day == story.WAITING_TOKENS


def test_what_is_proved_otherwise_than_said_is_among_what_to_look_at():
    now = timezone.now()
    case = requests.request_of("held", seed(now))
    titles = [flag.title for flag in assessment_of(case, now, requests.person("reviewer")).flags]
    assert "Proved to work elsewhere than stated" in titles
    assert not case.evidence_is_clear


def test_the_team_may_decide_on_all_that_waits():
    now = timezone.now()
    repo = seed(now)
    reviewer = requests.person("reviewer")
    for case in AccessRequest.objects.open().filter(repo=repo):
        assert conflicts_of([reviewer], case, now)[reviewer.pk] == set()


def test_what_is_recorded_is_in_the_order_of_time():
    seed(timezone.now())
    times = list(AuditEvent.objects.order_by("sequence").values_list("at", flat=True))
    late = [now for now, then in zip(times[1:], times, strict=False) if now < then]
    assert late == []


def test_a_second_start_changes_nothing():
    now = timezone.now()
    repo = seed(now)
    before = AuditEvent.objects.count()
    known = people.seed_others({"late": {"password": "as it was"}}, now)
    story.seed_story(repo, now + timedelta(hours=1))
    requests.seed_requests(repo, now + timedelta(hours=1))
    assert AuditEvent.objects.count() == before
    assert {account["password"] for account in known.values()} == {"as it was"}


def test_a_demo_from_before_there_was_a_story_goes_on_without():
    now = timezone.now()
    repo = seed(now, created_at=now - timedelta(days=3))
    roles = AccessRequest.objects.filter(repo=repo).values_list("applicant__username", flat=True)
    assert set(roles) == {"approved", "applicant"}
    assert User.objects.filter(username="late").exists()


def test_a_token_that_is_found_again_was_not_used():
    now = timezone.now()
    people.seed_person("reviewer", {}, now)
    known = people.seed_token("reviewer", "", now)
    assert people.seed_token("reviewer", known, now) == known
    assert AccessToken.objects.get().last_used_at is None
    assert people.seed_token("reviewer", known, now + timedelta(days=360)) != known
