"""A reviewer’s work through the API: each act tells where the case then stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.access.gate.settings import save_gate
from portal.access.models import AccessRequest, Grant
from portal.access.policy.request_actions import RequestAction, allowed_actions
from portal.accounts.models import Scope
from portal.catalog.models import TeamMember
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.affiliations import affiliate
from tests.factories.catalog import make_repo, make_reviewer
from tests.portal.api.api_calls import SHORT, by_token, code_of, fields_of, in_session

pytestmark = pytest.mark.django_db
YESTERDAY = timedelta(days=1)


@pytest.fixture
def repo() -> Any:
    return make_repo(undo_minutes=None)


@pytest.fixture
def reviewer(repo) -> Any:
    return make_reviewer(repo)


@pytest.fixture
def case(repo) -> Any:
    return make_request(repo, now=timezone.now() - YESTERDAY)


@pytest.fixture
def api(reviewer) -> Any:
    return by_token(reviewer, Scope.REVIEW)


def administrator(repo: Any) -> Any:
    return make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)


def test_the_queue_lists_what_waits_and_turns_its_pages(repo, reviewer, api):
    now = timezone.now()
    keys = [make_request(repo, now=now - timedelta(minutes=60 - number)).pk for number in range(26)]

    first = api.get("queue").json()
    second = api.get(first["next"]).json()

    assert [row["id"] for row in first["results"]] == keys[:25]
    assert [row["id"] for row in second["results"]] == keys[25:]
    assert api.get(second["previous"]).json()["results"] == first["results"]


def test_a_filter_narrows_and_an_unknown_one_is_refused_by_name(repo, case, api):
    elsewhere = make_request(make_repo(), now=timezone.now())
    assert [row["id"] for row in api.get("queue", view="new").json()["results"]] == [case.pk]
    assert api.get("queue", view="waiting").json()["results"] == []
    assert fields_of(api.get("queue", colour="red")) == {"colour"}
    assert fields_of(api.get("queue", view="odd", repo="x")) == {"view", "repo"}
    assert api.get(f"queue/{elsewhere.pk}").status_code == 404


def test_a_case_has_its_evidence_votes_and_acts(case, reviewer, api):
    shown = api.get(f"queue/{case.pk}").json()
    assert shown["answers"][0]["label"] == "Name"
    assert [fact["title"] for fact in shown["evidence"]["proved"]] == [
        f"Reads mail at {case.applicant.email}"
    ]
    assert shown["evidence"]["said"][0]["label"] == "Goes by"
    assert shown["evidence"]["flags"] == []
    assert shown["votes"]["approvals_missing"] == 1
    assert shown["conflicts"] == []


def test_claiming_is_idempotent_and_a_colleague_is_told_who_has_it(repo, case, reviewer, api):
    assert api.post(f"queue/{case.pk}/claim").json()["assigned_to"]["username"] == str(reviewer)
    assert api.post(f"queue/{case.pk}/claim").status_code == 200
    taken = by_token(make_reviewer(repo), Scope.REVIEW).post(f"queue/{case.pk}/claim")
    assert (taken.status_code, code_of(taken)) == (409, "already_claimed")
    assert api.post(f"queue/{case.pk}/release").json()["assigned_to"] is None


def test_only_who_administers_assigns_and_only_to_the_team(repo, case, reviewer, api):
    assert api.post(f"queue/{case.pk}/assign", assignee=reviewer.username).status_code == 404
    head = by_token(administrator(repo), Scope.REVIEW)
    for strange in ("nobody-here", make_user().username):
        assert fields_of(head.post(f"queue/{case.pk}/assign", assignee=strange)) == {"assignee"}
    assigned = head.post(f"queue/{case.pk}/assign", assignee=reviewer.username)
    assert assigned.json()["assigned_to"]["username"] == reviewer.username


def test_a_declared_conflict_forbids_with_its_reason(case, api):
    said = api.post(f"queue/{case.pk}/declare", has_conflict=True, statement="We wrote a paper.")
    assert said.status_code == 200
    refused = api.post(f"queue/{case.pk}/approve", modes=["download"], until=SHORT)
    assert (refused.status_code, code_of(refused)) == (403, "conflict_of_interest")
    assert "declared" in refused.json()["error"]["message"]
    assert api.get(f"queue/{case.pk}").json()["conflicts"]


def test_notes_are_the_teams(case, api):
    assert api.post(f"queue/{case.pk}/notes", text="Wrote to them.").status_code == 200
    (note,) = api.get(f"queue/{case.pk}/notes").json()["results"]
    assert note["text"] == "Wrote to them."
    applicant = in_session(case.applicant)
    assert applicant.get(f"queue/{case.pk}/notes").status_code == 404
    assert b"Wrote to them" not in applicant.get(f"requests/{case.pk}/events").content


def test_asking_stops_the_clock(case, api):
    assert fields_of(api.post(f"queue/{case.pk}/ask", text=" ")) == {"text"}
    assert api.post(f"queue/{case.pk}/ask", text="Where?").json()["state"] == "needs_info"
    assert api.post(f"queue/{case.pk}/ask", text="Where?").status_code == 409


def test_approving_decides_tells_the_grant_and_may_be_undone(case, api):
    wrong = api.post(f"queue/{case.pk}/approve", modes=["sideways"], until="yesterday")
    assert fields_of(wrong) == {"modes.0", "until"}
    late = api.post(f"queue/{case.pk}/approve", modes=["download"], until="2020-01-01")
    assert fields_of(late) == {"until"}

    done = api.post(f"queue/{case.pk}/approve", modes=["download"], until=SHORT).json()

    assert done["state"] == "approved"
    assert Grant.objects.get(pk=done["grant_id"]).modes == ["download"]
    assert done["undo_until"]
    assert "undo" in done["allowed_acts"]
    again = api.post(f"queue/{case.pk}/approve", modes=["download"], until=SHORT)
    assert again.status_code == 409
    assert api.post(f"queue/{case.pk}/undo").json()["state"] == "in_review"


def test_conditions_reach_the_grant(case, api):
    bound = {"no_logits": True, "max_members": 2}
    done = api.post(f"queue/{case.pk}/approve", modes=["download"], until=SHORT, conditions=bound)
    assert Grant.objects.get(pk=done.json()["grant_id"]).conditions == bound


def test_a_vote_short_of_the_quorum_tells_how_many_are_missing(repo, case, api):
    make_reviewer(repo)
    head = administrator(repo)
    save_gate(actor=head, repo_id=repo.pk, values={"quorum": 2}, now=timezone.now())

    voted = api.post(f"queue/{case.pk}/approve", modes=["download"], until=SHORT).json()

    assert voted["state"] == "in_review"
    assert voted["votes"]["approvals_missing"] == 1
    assert [vote["verdict"] for vote in voted["votes"]["votes"]] == ["approved"]
    hidden = by_token(make_reviewer(repo), Scope.REVIEW).get(f"queue/{case.pk}").json()
    assert hidden["votes"]["votes"] == []


def test_declining_needs_words_and_reopening_a_reason(repo, case, api):
    bare = api.post(f"queue/{case.pk}/decline", reason_code="commercial", reason_text=" ")
    assert fields_of(bare) == {"reason_text"}
    odd = api.post(f"queue/{case.pk}/decline", reason_code="mood", reason_text="No.")
    assert fields_of(odd) == {"reason_code"}
    done = api.post(f"queue/{case.pk}/decline", reason_code="commercial", reason_text="A product.")
    assert done.json()["state"] == "declined"
    assert api.post(f"queue/{case.pk}/reopen", reason="Changed").status_code == 404
    head = by_token(administrator(repo), Scope.REVIEW)
    assert fields_of(head.post(f"queue/{case.pk}/reopen", reason="")) == {"reason"}
    assert head.post(f"queue/{case.pk}/reopen", reason="Changed").json()["state"] == "in_review"


def test_vouching_makes_a_proof(case, api):
    assert fields_of(api.post(f"queue/{case.pk}/vouch", evidence="")) == {"evidence"}
    api.post(f"queue/{case.pk}/vouch", evidence="Their page names them.")
    proved = api.get(f"queue/{case.pk}").json()["evidence"]["proved"]
    assert any("Their page names them." in fact["detail"] for fact in proved)


def test_a_dry_run_of_many_changes_nothing_and_tells_each(repo, case, api):
    affiliate(case.applicant)
    strange = make_request(make_repo(), now=timezone.now()).pk
    body = {
        "requests": [case.pk, strange],
        "verdict": "approved",
        "modes": ["download"],
        "until": SHORT,
    }
    tried = api.post("queue/bulk", **body, dry_run=True).json()
    assert [result["outcome"] for result in tried["results"]] == ["decided", "refused"]
    assert not Grant.objects.exists()
    done = api.post("queue/bulk", **body).json()
    assert done["results"] == tried["results"]
    assert Grant.objects.count() == 1
    assert fields_of(api.post("queue/bulk", requests=[], verdict="approved")) == {"requests"}


def test_a_token_for_other_models_finds_no_case(repo, case, reviewer):
    other_repo = make_repo()
    api = by_token(reviewer, Scope.REVIEW, repo_ids=[other_repo.pk])
    assert api.get(f"queue/{case.pk}").status_code == 404
    assert api.post(f"queue/{case.pk}/claim").status_code == 404
    assert fields_of(api.get("queue", repo=repo.pk)) == {"repo"}
    bulk = api.post("queue/bulk", requests=[case.pk], verdict="declined")
    assert bulk.status_code == 404
    own = by_token(reviewer, Scope.REVIEW, repo_ids=[repo.pk])
    assert [row["id"] for row in own.get("queue").json()["results"]] == [case.pk]


def test_the_applicant_who_reviews_is_told_that_it_is_their_own(repo, reviewer, api):
    own = make_request(repo, reviewer, now=timezone.now())
    assert api.get(f"queue/{own.pk}").status_code == 404
    refused = api.post(f"queue/{own.pk}/approve", modes=["download"], until=SHORT)
    assert (refused.status_code, code_of(refused)) == (403, "conflict_of_interest")


@pytest.mark.parametrize("state", AccessRequest.State.values)
def test_allowed_acts_are_those_of_the_one_table(repo, case, state):
    AccessRequest.objects.filter(pk=case.pk).update(
        state=state, closed_at=timezone.now(), escalation_level=1
    )
    case.refresh_from_db()
    owner = repo.namespace.roles.exclude(user__is_superuser=True).get().user
    people = [make_reviewer(repo), administrator(repo), owner]
    for person in [case.applicant, *people]:
        is_own = person == case.applicant
        shown = in_session(person).get(f"{'requests' if is_own else 'queue'}/{case.pk}")
        if state == "draft" and not is_own:
            assert shown.status_code == 404
            continue
        acts = allowed_actions(person, case, timezone.now())
        assert set(shown.json()["allowed_acts"]) == {str(act) for act in acts}


def test_every_act_has_an_endpoint():
    from tests.portal.api.operations import OPERATIONS

    assert {operation.action for operation in OPERATIONS} - {None} == set(RequestAction)


def test_an_owners_token_works_what_was_escalated_and_nothing_before(repo, case):
    owner = repo.namespace.roles.exclude(user__is_superuser=True).get().user
    api = by_token(owner, Scope.REVIEW)
    path = f"queue/{case.pk}"
    assert api.get("queue").status_code == 403
    assert api.get(path).status_code == 404
    assert api.post(f"{path}/override", verdict="approved").status_code == 404

    AccessRequest.objects.filter(pk=case.pk).update(escalation_level=1)

    assert [row["id"] for row in api.get("queue", flag="escalated").json()["results"]] == [case.pk]
    assert api.post(f"{path}/claim").status_code == 200
    done = api.post(f"{path}/override", verdict="approved", modes=["download"], until=SHORT)
    assert done.json()["state"] == "approved"
    assert AccessRequest.objects.get(pk=case.pk).decisions.get().is_override


def test_an_owners_token_for_another_model_finds_nothing_of_it(repo, case):
    owner = repo.namespace.roles.exclude(user__is_superuser=True).get().user
    AccessRequest.objects.filter(pk=case.pk).update(escalation_level=1)
    api = by_token(owner, Scope.REVIEW, repo_ids=[make_repo().pk])
    assert api.get(f"queue/{case.pk}").status_code == 404


def test_a_refusal_names_what_was_sent(case, reviewer, api):
    path = f"queue/{case.pk}"
    terms = {"modes": ["download"], "until": SHORT}
    assert fields_of(api.post(f"{path}/approve", **terms, conditions={"files": []})) == {
        "conditions.files"
    }
    assert fields_of(api.post(f"{path}/notes", text=" ")) == {"text"}
    elsewhere = make_request(make_repo(), now=timezone.now())
    TeamMember.objects.create(repo=elsewhere.repo, user=reviewer, role=TeamMember.Role.REVIEWER)
    both = api.post("queue/bulk", requests=[case.pk, elsewhere.pk], verdict="approved", **terms)
    assert fields_of(both) == {"requests"}


def test_an_override_without_an_end_says_what_is_missing(repo, case):
    owner = repo.namespace.roles.exclude(user__is_superuser=True).get().user
    AccessRequest.objects.filter(pk=case.pk).update(escalation_level=1)
    api = in_session(owner)
    assert "override" in api.get(f"queue/{case.pk}").json()["allowed_acts"]
    assert fields_of(api.post(f"queue/{case.pk}/override", verdict="approved")) == {"until"}
