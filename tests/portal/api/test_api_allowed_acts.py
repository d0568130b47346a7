"""The API refuses a reviewer nothing that it offers, and everything that it doesn't."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.access.models import AccessRequest, ConflictDeclaration
from portal.access.policy.request_actions import RequestAction
from portal.access.review.asking import ask_question
from portal.access.review.decisions.deciding import decline_request
from tests.factories.access import make_request
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_gate
from tests.portal.api.api_calls import Api, in_session
from tests.portal.api.operations import OPERATIONS

pytestmark = pytest.mark.django_db
OF_THE_TEAM = [
    operation for operation in OPERATIONS if operation.action and "queue" in operation.url
]
BARRED = {"claim", "ask", "vote", "dispose", "vouch", "undo", "reopen"}
State = AccessRequest.State


def held(case: AccessRequest, reviewer: Any) -> None:
    AccessRequest.objects.filter(pk=case.pk).update(state=State.HELD)


def in_review(case: AccessRequest, reviewer: Any) -> None:
    return None


def asked(case: AccessRequest, reviewer: Any) -> None:
    ask_question(reviewer=reviewer, request_id=case.pk, text="Which?", now=timezone.now())


def declined(case: AccessRequest, reviewer: Any) -> None:
    decline_request(
        reviewer=reviewer,
        request_id=case.pk,
        reason_code="commercial",
        reason_text="It is.",
        now=timezone.now(),
    )


def declare(case: AccessRequest, person: Any) -> None:
    ConflictDeclaration.objects.create(
        request=case, reviewer=person, has_conflict=True, declared_at=timezone.now()
    )


def offered(api: Api, case: AccessRequest) -> set[str]:
    return set(api.get(f"queue/{case.pk}").json()["allowed_acts"])


def answer(api: Api, case: AccessRequest, operation: Any) -> Any:
    """Call it as its example does, and take back what that changed."""
    cache.clear()
    point = transaction.savepoint()
    try:
        url = operation.url.replace("999999", str(case.pk))
        return api.post(url, **operation.example)
    finally:
        transaction.savepoint_rollback(point)


@pytest.mark.parametrize("prepare", [held, in_review, asked, declined])
@pytest.mark.parametrize(
    ("role", "is_conflicted"),
    [("reviewer", False), ("reviewer", True), ("administrator", True)],
)
def test_what_is_offered_is_not_refused(prepare, role, is_conflicted):
    repo = make_repo()
    case = make_request(repo, now=timezone.now() - timedelta(days=1))
    prepare(case, make_reviewer(repo))
    person = make_reviewer(repo, role=role)
    if is_conflicted:
        declare(case, person)
    api = in_session(person)
    acts = offered(api, case)
    assert not (acts & BARRED and is_conflicted)
    for operation in OF_THE_TEAM:
        response = answer(api, case, operation)
        if operation.action in acts:
            assert response.status_code in (200, 204, 400, 409), (str(operation), response.content)
        else:
            assert response.status_code in (403, 404, 409), (str(operation), response.content)


def test_ones_own_list_asks_the_same_of_the_database_however_long():
    person = make_request(make_repo(), now=timezone.now()).applicant
    api = in_session(person)
    with CaptureQueriesContext(connection) as one:
        api.get("requests")
    for _ in range(3):
        make_request(make_repo(), person, now=timezone.now())
    with CaptureQueriesContext(connection) as four:
        assert len(api.get("requests").json()["results"]) == 4
    assert len(four) == len(one)


def test_who_decided_what_is_appealed_against_may_look_at_it_again_but_not_vote():
    repo = make_repo()
    case = make_request(repo, now=timezone.now() - timedelta(days=1))
    head = make_reviewer(repo, role="administrator")
    declined(case, head)
    appeal = in_session(case.applicant).post(f"requests/{case.pk}/appeal", text="It is a thesis.")
    assert appeal.status_code == 200
    api = in_session(head)
    assert offered(api, case) == {"read", "release", "assign", "declare", "note"}
    make_gate(repo, undo_minutes=10)
    declined(case, make_reviewer(repo))
    assert {RequestAction.UNDO, RequestAction.REOPEN} <= offered(api, case)
    assert api.post(f"queue/{case.pk}/undo").json()["state"] == "in_review"
