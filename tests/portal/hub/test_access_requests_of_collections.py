"""The Hub's access requests for one model of a collection: what is ended, and what is told."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.access.gate.effects import waiting_by_repo
from portal.access.models import AccessRequest, Coverage
from portal.access.policy.policy import Action, may
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import make_token
from tests.factories.catalog import make_repo
from tests.factories.collections import make_family
from tests.factories.grants import make_administrator

pytestmark = pytest.mark.django_db
UNTRUE = "back into review"


def call(client, repo, rest, user, **body):
    actor = make_administrator(repo)
    _, secret = make_token(actor, now=timezone.now())
    return client.post(
        f"/api/models/{repo.full_name}/user-access-request/{rest}",
        {"user": user.username, **body},
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )


def letters():
    texts = [" ".join(letter.text.split()) for letter in OutboxMessage.objects.all()]
    assert not any(UNTRUE in text for text in texts)
    return texts


def test_rejecting_one_model_gives_the_reason_and_leaves_the_others(client):
    _, repos = make_family("review", "review")
    grant = make_grant(repos[0], now=timezone.now())
    reason = "The small model is recalled."
    answer = call(
        client, repos[0], "handle", grant.person, status="rejected", rejectionReason=reason
    )
    assert answer.status_code == 200, answer.text
    assert Coverage.objects.get(repo=repos[0]).end_reason == reason
    assert any(reason in text for text in letters())
    assert may(grant.person, Action.DOWNLOAD, repos[1], timezone.now()).allowed
    assert AccessRequest.objects.get().state == AccessRequest.State.APPROVED


def test_rejecting_without_a_reason_says_that_access_ended(client):
    _, repos = make_family("review", "review")
    grant = make_grant(repos[0], now=timezone.now())
    assert call(client, repos[0], "handle", grant.person, status="rejected").status_code == 200
    assert "ended your access" in Coverage.objects.get(repo=repos[0]).end_reason
    letters()


def test_one_of_several_models_cannot_wait_for_a_decision_alone(client):
    _, repos = make_family("review", "review")
    grant = make_grant(repos[0], now=timezone.now())
    answer = call(client, repos[0], "handle", grant.person, status="pending")
    assert answer.status_code == 409
    assert "Reject it" in answer.json()["error"]
    assert grant.coverage.standing().count() == 2


def test_access_that_nobody_asked_for_ends_for_the_reason_that_was_sent(client):
    repo = make_repo(gate="licence")
    grant = make_grant(repo, now=timezone.now())
    answer = call(
        client, repo, "handle", grant.person, status="rejected", rejectionReason="Misuse."
    )
    assert answer.status_code == 200, answer.text
    grant.refresh_from_db()
    assert grant.revocation_reason == "Misuse."
    letters()


def test_a_request_through_a_collection_waits_at_its_lead_and_at_each_model_that_it_asks_for():
    _, repos = make_family("review", "review", "review")
    make_request(repos[0], now=timezone.now(), models=[repos[0].full_name])
    make_request(repos[0], now=timezone.now())
    alone = make_repo()
    make_request(alone, now=timezone.now())
    waiting = waiting_by_repo([*repos, alone])
    assert [waiting.get(repo.pk) for repo in [*repos, alone]] == [2, 1, 2, 1]
