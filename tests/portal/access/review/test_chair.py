"""A chair decides alone where the votes differ, if the gate names one; never otherwise."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from portal.access.errors import ConflictOfInterest, RequestNotFound, VotesDontDiffer
from portal.access.gate.chair import choose_chair
from portal.access.gate.settings import unseat_member
from portal.access.models import AccessRequest, Decision
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.request_actions import RequestAction, allowed_actions
from portal.access.reporting.months import CHAIR, decisions_between
from portal.access.review.decisions.undo import undo_decision
from portal.access.review.decisions.votes import visible_votes
from portal.access.review.notes import declare_conflict
from portal.accounts.models import Scope
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from tests.factories.accounts import make_user
from tests.factories.catalog import make_reviewer
from tests.factories.grants import make_gate
from tests.factories.reviews import approve, decline
from tests.portal.api.api_calls import SHORT, by_token, fields_of

pytestmark = pytest.mark.django_db
WHY = "The safeguards suffice."


@pytest.fixture
def people(repo):
    make_gate(repo, quorum=2)
    return [make_reviewer(repo) for _ in range(3)]


@pytest.fixture
def chair(repo, head, people, now):
    choose_chair(actor=head, repo_id=repo.pk, person=people[2].username, now=now)
    return people[2]


@pytest.fixture
def split(case, people, now):
    approve(case, people[0], now)
    decline(case, people[1], now)
    case.refresh_from_db()
    return case


def test_the_label_says_when_the_chairs_reason_is_needed(client, split, chair):
    client.force_login(chair)
    page = client.get(reverse("access:case", args=[split.pk])).text
    label = page.split('for="approve_chair_reason">')[1].split("</label>")[0]
    assert label.strip() == "Why you decide so: needed if you decide as the chair"


def test_the_chair_decides_where_the_votes_differ(split, chair, people, now):
    assert RequestAction.SETTLE in allowed_actions(chair, split, now)
    grant = approve(split, chair, now, chair_reason=WHY)
    assert grant.decision.chair_reason == WHY
    assert not grant.decision.is_override
    event = AuditEvent.objects.get(type="request.settled")
    assert event.data == {
        "voters": [people[0].pk, people[1].pk],
        "approvals": 1,
        "declines": 1,
    }


def test_or_declines_with_the_reason_that_the_applicant_reads(split, chair, now):
    decision = decline(split, chair, now, chair_reason=WHY)
    assert (decision.verdict, decision.chair_reason) == ("declined", WHY)
    assert "suffice" not in decision.reason_text


def test_without_a_reason_it_is_refused(split, chair, now):
    with pytest.raises(FieldErrors) as error:
        approve(split, chair, now, chair_reason=" ")
    assert set(error.value.errors) == {"chair_reason"}


@pytest.mark.parametrize("verdicts", ["", "a", "aa", "d"])
def test_votes_that_do_not_differ_are_not_the_chairs(case, chair, people, now, verdicts):
    """With a quorum of three, so that two of one kind decide nothing yet."""
    make_gate(case.repo, quorum=3)
    for verdict, person in zip(verdicts, people, strict=False):
        (approve if verdict == "a" else decline)(case, person, now)
    assert RequestAction.SETTLE not in allowed_actions(chair, case, now)
    with pytest.raises(VotesDontDiffer):
        approve(case, chair, now, chair_reason=WHY)


def test_otherwise_the_chairs_vote_is_one(split, chair, now):
    grant = approve(split, chair, now)
    assert grant.decision.chair_reason == ""
    assert AuditEvent.objects.get(type="request.approved").data["voters"] != []


def test_by_default_nobody_is(split, people, head, now):
    for person in (*people, head):
        assert RequestAction.SETTLE not in allowed_actions(person, split, now)
        with pytest.raises(RequestNotFound):
            approve(split, person, now, chair_reason=WHY)


def test_a_conflict_of_interest_bars_the_chair_too(split, chair, now):
    declare_conflict(
        reviewer=chair, request_id=split.pk, has_conflict=True, statement="Kin.", now=now
    )
    with pytest.raises(ConflictOfInterest):
        approve(split, chair, now, chair_reason=WHY)


def test_votes_of_those_who_left_split_nothing(split, chair, people, head, now):
    unseat_member(actor=head, repo_id=split.repo_id, user_id=people[1].pk, now=now)
    assert RequestAction.SETTLE not in allowed_actions(chair, split, now)


def test_hidden_votes_stay_hidden_until_they_differ(case, chair, people, now):
    approve(case, people[0], now)
    assert visible_votes(case, chair, now) == []
    decline(case, people[1], now)
    assert len(visible_votes(case, chair, now)) == 2
    assert visible_votes(case, make_reviewer(case.repo), now) == []


def test_it_can_be_undone(split, chair, now):
    approve(split, chair, now, chair_reason=WHY)
    undo_decision(actor=chair, request_id=split.pk, now=now)
    assert AccessRequest.objects.get(pk=split.pk).state == "in_review"
    assert Decision.objects.get().undone_at == now


def test_it_is_counted_in_public(split, chair, now):
    approve(split, chair, now, chair_reason=WHY)
    [row] = decisions_between(now, now + timedelta(minutes=11))
    assert row.by == CHAIR


class TestNaming:
    def test_it_is_an_event_that_names_nobody_in_the_clear(self, repo, head, people, now):
        choose_chair(actor=head, repo_id=repo.pk, person=people[0].email, now=now)
        event = AuditEvent.objects.filter(type=EventType.GATE_CONFIGURED).latest("sequence")
        assert event.data == {"changed": {"chair": True}, "user": people[0].pk}

    @pytest.mark.parametrize("name", ["nobody-here", "stranger"])
    def test_only_one_of_the_team(self, repo, head, now, name):
        make_user("stranger")
        with pytest.raises(FieldErrors) as error:
            choose_chair(actor=head, repo_id=repo.pk, person=name, now=now)
        assert set(error.value.errors) == {"chair"}

    def test_who_leaves_the_team_is_chair_no_more(self, repo, head, chair, now):
        unseat_member(actor=head, repo_id=repo.pk, user_id=chair.pk, now=now)
        assert settings_of(repo).chair is None

    def test_on_the_page_and_over_the_api(self, client, repo, head, people):
        client.force_login(head)
        page = reverse("access:gate", args=[repo.namespace.name, repo.name])
        assert "Nobody: the votes alone decide" in client.get(page).text
        form = {"chair": people[0].username}
        chosen = client.post(f"{page}/chair", form, follow=True).text
        assert f'value="{people[0].username}" selected' in chosen
        assert client.post(f"{page}/chair", {"chair": "x"}).status_code == 422
        api = by_token(head, Scope.ADMIN)
        path = f"models/{repo.full_name}/gate"
        assert api.get(path).json()["chair"] == people[0].username
        assert api.patch(path, chair="").json()["chair"] == ""
        assert fields_of(api.patch(path, chair="nobody-here", quorum=1)) == {"chair"}
        assert settings_of(repo).quorum == 2, "and nothing is half done"


class TestCase:
    def until(self, now):
        return (now + timedelta(days=90)).date().isoformat()

    def test_the_dialogs_offer_it_to_the_chair_alone(self, client, split, chair, people):
        for person, offered in ((chair, True), (people[0], False)):
            client.force_login(person)
            page = client.get(f"/queue/{split.pk}").text
            assert ("Decide alone, as the chair" in page) == offered

    def test_the_case_says_who_and_why(self, client, split, chair, now):
        client.force_login(chair)
        form = {"modes": ["download"], "until": SHORT, "is_chair": "on", "chair_reason": ""}
        refused = client.post(f"/queue/{split.pk}/approve", form)
        assert refused.status_code == 422
        assert "Say why you decide so where the votes differ" in refused.text
        client.post(f"/queue/{split.pk}/approve", form | {"chair_reason": WHY})
        page = client.get(f"/queue/{split.pk}").text
        assert "Decided by the chair" in page
        assert WHY in page
        client.force_login(split.applicant)
        assert WHY not in client.get(f"/requests/{split.pk}").text

    def test_over_the_api(self, split, chair, people):
        api = by_token(chair, Scope.REVIEW)
        body = {"verdict": "approved", "modes": ["download"], "until": SHORT}
        assert "settle" in api.get(f"queue/{split.pk}").json()["allowed_acts"]
        path = f"queue/{split.pk}/settle"
        assert fields_of(api.post(path, **body)) == {"chair_reason"}
        assert by_token(people[0], Scope.REVIEW).post(path, **body).status_code == 404
        assert api.post(path, **body, chair_reason=WHY).json()["state"] == "approved"
        (decision,) = api.get(f"queue/{split.pk}").json()["decisions"]
        assert decision["chair_reason"] == WHY
