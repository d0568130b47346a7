"""An act whose event can't be recorded isn't done, and the answer says to try again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.utils import timezone

from portal.access.grants.ending.revocation import revoke_grant
from portal.access.grants.licence_gate import sign_for_grant
from portal.access.models import AccessRequest, Decision
from portal.access.review.decisions.deciding import approve_request, decline_request
from portal.accounts.services import issue_token
from portal.accounts.tokens.authentication import Caller
from portal.audit.errors import RecordUnavailable
from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo, TeamMember
from portal.catalog.services.licences import require_version_in_force
from portal.delivery.services import mint_link
from tests.factories.access import make_grant, make_request, make_signature
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo, make_reviewer, make_revision

pytestmark = pytest.mark.django_db
WORDS = "the record can’t be written just now"
NOT_OURS_TO_COUNT = {"sessions.Session", "audit.AuditEvent"}


def forbid_by_trigger() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN RAISE EXCEPTION 'no more events'; END$$"
        )
        cursor.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON audit_auditevent "
            "FOR EACH ROW EXECUTE FUNCTION refuse()"
        )


def take_the_table_away() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_auditevent RENAME TO elsewhere")


@pytest.fixture(params=[forbid_by_trigger, take_the_table_away])
def refuse(request) -> Callable[[], None]:
    """Return a function after which the audit table takes no event."""
    return request.param


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return all rows of the database, without sessions and audit events."""
    return {
        model._meta.label: list(model.objects.order_by("pk").values())
        for model in apps.get_models()
        if model._meta.managed and model._meta.label not in NOT_OURS_TO_COUNT
    }


def refused(act: Callable[[], Any], refuse: Callable[[], None]) -> None:
    before = everything()
    refuse()
    with pytest.raises(RecordUnavailable, match=WORDS) as caught:
        act()
    assert caught.value.status == 503
    assert caught.value.__cause__ is not None
    assert everything() == before


@pytest.fixture
def repo() -> ModelRepo:
    return make_repo()


def test_no_token_is_issued(refuse, now):
    person = make_user()
    fields = {"name": "laptop", "scopes": ["download"], "days": 30, "now": now}
    refused(lambda: issue_token(owner=person, **fields), refuse)


def test_no_link_is_minted(refuse, now, repo, tmp_path):
    file = make_revision(repo, tmp_path / "in").files.get(path="model-00001-of-00002.safetensors")
    person = make_grant(repo, now=now).person
    refused(lambda: mint_link(caller=Caller(person), file=file, now=now), refuse)


def test_nothing_is_approved_and_no_grant_made(refuse, now, repo):
    request, reviewer = make_request(repo, now=now), make_reviewer(repo)
    terms = {"modes": ["download"], "expires_at": now + timedelta(days=30), "now": now}
    refused(lambda: approve_request(reviewer=reviewer, request_id=request.pk, **terms), refuse)


def test_nothing_is_declined(refuse, now, repo):
    request, reviewer = make_request(repo, now=now), make_reviewer(repo)
    reason = {"reason_code": Decision.Reason.values[0], "reason_text": "Say more.", "now": now}
    refused(lambda: decline_request(reviewer=reviewer, request_id=request.pk, **reason), refuse)


def test_no_grant_is_ended(refuse, now, repo):
    grant = make_grant(repo, now=now)
    admin = make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)
    refused(lambda: revoke_grant(actor=admin, grant_id=grant.pk, reason="Over.", now=now), refuse)


def test_nothing_is_signed(refuse, now):
    repo, person = make_repo(gate="licence"), make_user()
    signature = make_signature(person, repo, now=now)
    refused(
        lambda: sign_for_grant(person=person, repo_id=repo.pk, signature=signature, now=now),
        refuse,
    )


def told_to_try_again(response: Any) -> None:
    assert response.status_code == 503
    assert WORDS in response.text
    assert "Try again in a minute" in response.text


def test_the_page_of_tokens_says_to_try_again(refuse, client):
    client.force_login(make_user())
    refuse()
    told_to_try_again(
        client.post("/tokens", {"name": "laptop", "scopes": ["download"], "days": 30})
    )


def test_the_page_of_a_case_says_to_try_again(refuse, client, repo):
    request = make_request(repo)
    client.force_login(make_reviewer(repo))
    until = (timezone.now() + timedelta(days=30)).date().isoformat()
    refuse()
    posted = {"modes": ["download"], "until": until}
    told_to_try_again(client.post(f"/queue/{request.pk}/approve", posted))
    assert AccessRequest.objects.get().state == "in_review"


def test_the_page_that_is_signed_says_to_try_again(refuse, client, now):
    repo, person = make_repo(gate="licence"), make_user()
    client.force_login(person)
    version = require_version_in_force(repo, now=now)
    ticks = {f"attest_{attestation['code']}": "on" for attestation in version.attestations}
    posted = {
        "text_sha256": version.sha256,
        "typed_name": person.display_name,
        "capacity": "person",
        **ticks,
    }
    refuse()
    told_to_try_again(client.post(f"/sign/{repo.full_name}", posted))


def test_a_download_is_refused_in_the_hubs_own_form(refuse, repo, tmp_path):
    make_revision(repo, tmp_path / "in")
    now = timezone.now()
    _, secret = make_token(make_grant(repo, now=now).person, now=now)
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    url = f"/{repo.full_name}/resolve/main/model-00001-of-00002.safetensors"
    refuse()
    response = client.get(url)
    assert response.status_code == 503
    assert "record can't be written" in response["X-Error-Message"]
    assert "Location" not in response


def test_once_the_table_takes_events_again_the_chain_goes_on(now):
    person = make_user()
    before = AuditEvent.objects.count()
    fields = {"name": "laptop", "scopes": ["download"], "days": 30, "now": now}
    forbid_by_trigger()
    with pytest.raises(RecordUnavailable):
        issue_token(owner=person, **fields)
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER refuse ON audit_auditevent")
    issue_token(owner=person, **fields)
    assert AuditEvent.objects.count() == before + 1
