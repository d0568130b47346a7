"""Grants, members, renewals and holds through the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.access.gate.settings import save_gate
from portal.access.models import Grant, Hold
from portal.accounts.models import Scope
from tests.factories.access import make_grant
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer, make_revision
from tests.factories.grants import make_administrator, make_entity_grant, make_offer
from tests.portal.api.api_calls import by_token, code_of, fields_of, in_session, signature

pytestmark = pytest.mark.django_db


def test_an_offer_is_accepted_by_signing_once():
    grant = make_offer(now=timezone.now())
    api = in_session(grant.person)
    shown = api.get(f"grants/{grant.pk}").json()
    assert (shown["state"]["tone"], shown["starts_at"]) == ("wait", None)
    unsigned = signature(grant.repo, grant.person, attestations=[])
    assert "signature.attestations" in fields_of(
        api.post(f"grants/{grant.pk}/accept", signature=unsigned)
    )
    signed = api.post(f"grants/{grant.pk}/accept", signature=signature(grant.repo, grant.person))
    assert signed.json()["state"]["text"] == "Active"
    again = api.post(f"grants/{grant.pk}/accept", signature=signature(grant.repo, grant.person))
    assert again.status_code == 200
    assert api.post(f"grants/{grant.pk}/decline").status_code == 409


def test_an_offer_is_declined_and_stays_so():
    grant = make_offer(now=timezone.now())
    api = in_session(grant.person)
    assert api.post(f"grants/{grant.pk}/decline").json()["state"]["text"] == "Declined"
    assert api.post(f"grants/{grant.pk}/decline").status_code == 200
    accepted = api.post(f"grants/{grant.pk}/accept", signature=signature(grant.repo, grant.person))
    assert (accepted.status_code, code_of(accepted)) == (409, "grant_is_over")


def test_a_grant_is_renewed_in_its_window_only():
    now = timezone.now()
    repo = make_repo()
    early = make_grant(repo, now=now - timedelta(days=1))
    body = {"report": "We measured it.", "signature": signature(repo, early.person)}
    refused = in_session(early.person).post(f"grants/{early.pk}/renew", **body)
    assert (refused.status_code, code_of(refused)) == (409, "not_renewable")

    due = make_grant(repo, now=now - timedelta(days=30), days=60)
    body["signature"] = signature(repo, due.person)
    api = in_session(due.person)
    assert fields_of(api.post(f"grants/{due.pk}/renew", **{**body, "report": ""})) == {"report"}
    renewed = api.post(f"grants/{due.pk}/renew", **body).json()
    assert renewed["outcome"] == "granted"
    assert api.post(f"grants/{due.pk}/renew", **body).json()["id"] == renewed["id"]


def test_the_team_decides_a_renewal():
    now = timezone.now()
    repo = make_repo()
    head = make_administrator(repo)
    save_gate(actor=head, repo_id=repo.pk, values={"renewal_needs_review": True}, now=now)
    grant = make_grant(repo, now=now - timedelta(days=30), days=60)
    filed = in_session(grant.person).post(
        f"grants/{grant.pk}/renew", report="Done.", signature=signature(repo, grant.person)
    )
    api = by_token(head, Scope.ADMIN, Scope.REVIEW)
    (listed,) = api.get(f"models/{repo.full_name}/renewals").json()["results"]
    assert listed["id"] == filed.json()["id"]
    path = f"renewals/{listed['id']}"
    assert fields_of(api.post(path, granted=False)) == {"reason"}
    assert api.post(path, granted=True).json()["outcome"] == "granted"
    stranger = by_token(make_administrator(make_repo()), Scope.REVIEW)
    assert stranger.post(path, granted=True).status_code == 404


def test_closing_needs_a_statement_about_the_copies():
    grant = make_grant(make_repo(), now=timezone.now() - timedelta(days=1))
    api = in_session(grant.person)
    assert fields_of(api.post(f"grants/{grant.pk}/close", statement="")) == {
        "statement",
        "deleted_copies",
    }
    closed = api.post(f"grants/{grant.pk}/close", statement="Deleted.", deleted_copies=True)
    assert closed.json()["state"]["text"] == "Closed by its holder"


def test_members_are_invited_join_and_leave():
    grant = make_entity_grant(now=timezone.now() - timedelta(days=1))
    colleague = make_user()
    holder = in_session(grant.person)
    assert fields_of(holder.post(f"grants/{grant.pk}/members", email="nobody")) == {"email"}
    invited = holder.post(f"grants/{grant.pk}/members", email=colleague.email)
    assert invited.status_code == 201
    again = holder.post(f"grants/{grant.pk}/members", email=colleague.email)
    assert again.json()["id"] == invited.json()["id"]

    path = f"memberships/{invited.json()['id']}"
    signed = {"signature": signature(grant.repo, colleague)}
    assert in_session(make_user()).post(f"{path}/join", **signed).status_code == 404
    assert in_session(colleague).post(f"{path}/join", **signed).json()["joined_at"]
    assert in_session(colleague).get("grants").json()["count"] == 1
    assert in_session(colleague).get(f"grants/{grant.pk}/members").status_code == 404
    ended = holder.post(f"{path}/end", reason="Left the group.")
    assert ended.json()["ended_at"]
    assert holder.get(f"grants/{grant.pk}/members").json()["count"] == 1


def test_a_personal_grant_is_shared_with_nobody():
    grant = make_grant(make_repo(), now=timezone.now() - timedelta(days=1))
    refused = in_session(grant.person).post(f"grants/{grant.pk}/members", email="a@b.example")
    assert (refused.status_code, code_of(refused)) == (403, "not_shareable")


def test_administrators_list_revoke_and_give_notice():
    now = timezone.now()
    repo = make_repo()
    one, two = (make_grant(repo, now=now - timedelta(days=1)) for _ in range(2))
    api = by_token(make_administrator(repo), Scope.ADMIN)
    listed = api.get(f"models/{repo.full_name}/grants").json()
    assert {grant["id"] for grant in listed["results"]} == {one.pk, two.pk}
    assert listed["next"] is None

    assert fields_of(api.post(f"grants/{one.pk}/revoke", reason=" ")) == {"reason"}
    assert api.post(f"grants/{one.pk}/revoke", reason="A leak.").json()["revoked_at"]
    soon = api.post(
        f"models/{repo.full_name}/notice", until=now.date().isoformat(), reason="New text."
    )
    assert fields_of(soon) == {"until", "version"}
    day = (now + timedelta(days=90)).date().isoformat()
    notice = api.post(
        f"models/{repo.full_name}/notice", version="1.0", until=day, reason="New text."
    )
    assert notice.json() == {"grants": [two.pk]}
    odd = api.post(f"models/{repo.full_name}/notice", version="9", until=day, reason="x")
    assert fields_of(odd) == {"version"}


def test_where_two_people_revoke_the_first_call_proposes():
    now = timezone.now()
    repo = make_repo()
    one, two = make_administrator(repo), make_administrator(repo)
    save_gate(actor=one, repo_id=repo.pk, values={"two_person_revocation": True}, now=now)
    grant = make_grant(repo, now=now - timedelta(days=1))
    proposed = by_token(one, Scope.ADMIN).post(f"grants/{grant.pk}/revoke", reason="A leak.")
    assert (proposed.json()["revoked_at"], bool(proposed.json()["revocation_proposed_at"])) == (
        None,
        True,
    )
    ended = by_token(two, Scope.ADMIN).post(f"grants/{grant.pk}/revoke", reason="")
    assert ended.json()["revoked_at"]


def test_a_reviewer_is_told_that_ending_is_for_administrators():
    repo = make_repo()
    grant = make_grant(repo, now=timezone.now() - timedelta(days=1))
    refused = in_session(make_reviewer(repo)).post(f"grants/{grant.pk}/revoke", reason="A leak.")
    assert refused.status_code == 403
    assert Grant.objects.get(pk=grant.pk).revoked_at is None


def placed(repo: Any, person: Any, **changed: Any) -> dict[str, Any]:
    return {
        "scope": "person",
        "subject": person.username,
        "repo": repo.full_name,
        "reason": "A leak is looked into.",
        **changed,
    }


def test_a_dry_run_of_a_hold_tells_and_places_nothing():
    repo = make_repo()
    grant = make_grant(repo, now=timezone.now() - timedelta(days=1))
    api = by_token(make_administrator(repo), Scope.ADMIN)
    would = api.post("holds", **placed(repo, grant.person, dry_run=True)).json()
    assert (would["id"], would["stops"]["grants"], would["stops"]["people"]) == (None, 1, 1)
    assert not Hold.objects.exists()
    assert fields_of(api.post("holds", **placed(repo, grant.person, subject="?"))) == {"subject"}
    assert fields_of(api.post("holds", **placed(repo, grant.person, reason=""))) == {"reason"}


def test_a_hold_on_a_revision_tells_which_revisions_have_its_bytes(tmp_path):
    repo = make_repo()
    held, other = make_revision(repo, tmp_path / "a"), make_repo(namespace=repo.namespace)
    copy = make_revision(other, tmp_path / "b")
    api = by_token(make_administrator(repo), Scope.ADMIN)
    body = {**placed(repo, make_user()), "scope": "revision", "subject": held.commit}
    reach = api.post("holds", **body, dry_run=True).json()["stops"]["reach"]
    assert (reach["files"], reach["revision_count"], reach["elsewhere"]) == (2, 2, [])
    shown = {(revision["repo"], revision["commit"]) for revision in reach["revisions"]}
    assert shown == {(repo.full_name, held.commit), (other.full_name, copy.commit)}
    assert fields_of(api.post("holds", **body, only_files=["none.*"])) == {"only_files"}
    hold = api.post("holds", **body, only_files=["*-00001-*"]).json()
    assert api.get(f"holds/{hold['id']}").json()["stops"]["reach"]["files"] == 1


def test_a_hold_is_placed_once_and_lifted_by_as_many_as_the_gate_says():
    repo = make_repo()
    grant = make_grant(repo, now=timezone.now() - timedelta(days=1))
    one, two = (by_token(make_administrator(repo), Scope.ADMIN) for _ in range(2))
    hold = one.post("holds", **placed(repo, grant.person)).json()
    assert one.post("holds", **placed(repo, grant.person)).json()["id"] == hold["id"]
    assert [row["id"] for row in two.get("holds").json()["results"]] == [hold["id"]]
    first = one.post(f"holds/{hold['id']}/lift", reason="Nothing found.").json()
    assert (first["lifted_at"], len(first["lifts"])) == (None, 1)
    assert two.post(f"holds/{hold['id']}/lift", reason="Nothing found.").json()["lifted_at"]
    assert two.get("holds", view="lifted").json()["count"] == 1
    stranger = by_token(make_administrator(make_repo()), Scope.ADMIN)
    assert stranger.get(f"holds/{hold['id']}").status_code == 404


def test_a_hold_on_all_models_is_for_operators_without_a_narrowed_token():
    repo, person = make_repo(), make_user()
    body = placed(repo, person)
    del body["repo"]
    assert by_token(make_administrator(repo), Scope.ADMIN).post("holds", **body).status_code == 403
    operator = make_user(superuser=True)
    narrowed = by_token(operator, Scope.ADMIN, repo_ids=[repo.pk])
    assert fields_of(narrowed.post("holds", **body)) == {"repo"}
    assert by_token(operator, Scope.ADMIN).post("holds", **body).json()["repo"] is None
