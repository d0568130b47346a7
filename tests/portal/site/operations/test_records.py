"""The admin shows operators some columns of some rows, and changes nothing."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from portal.access.models import AccessRequest
from portal.access.review.notes import write_note
from portal.outbox.models import OutboxMessage
from portal.site.operators.records import COLUMNS, records
from tests.factories.access import make_request
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db
# What operators may look up for support. To add a column, ask first whether it may hold what people
# wrote, an answer, a prompt, a secret or an address of a machine.
ALLOWED = {
    "accounts.user": "username name email is_active is_superuser date_joined last_login",
    "accounts.organization": "name country sector",
    "catalog.modelrepo": "namespace name private hosted created_at",
    "catalog.revision": "repo commit created_at",
    "access.accessrequest": "repo applicant state submitted_at due_at closed_at",
    "access.grant": "repo person modes starts_at expires_at revoked_at",
    "jobs.job": "repo person state created_at started_at ended_at worker",
    "outbox.outboxmessage": "kind address state attempts due_at sent_at",
    "audit.auditevent": "sequence type actor target_type target_id at",
}


def address(model, key=None) -> str:
    name = model._meta.label_lower.replace(".", "_")
    page = "changelist" if key is None else "change"
    return reverse(f"records:{name}_{page}", args=[] if key is None else [key])


@pytest.fixture
def page(client):
    client.force_login(make_user(superuser=True))
    return client


def test_it_shows_the_columns_that_are_allowed_and_no_other():
    shown = {model._meta.label_lower: " ".join(columns) for model, columns in COLUMNS.items()}
    assert shown == ALLOWED
    for model, admin in records._registry.items():
        named = tuple(getattr(cell, "column", cell) for cell in admin.fields)
        assert named == COLUMNS[model]
        assert tuple(admin.list_display) == ("pk", *admin.fields)


def test_what_people_wrote_shows_nowhere(page, now):
    secret = make_token(make_user(), now=now)[1]
    case = make_request(make_repo(), now=now, purpose="We study an uncommon thing.")
    write_note(author=make_reviewer(case.repo), request_id=case.pk, text="A private word.", now=now)
    letter = OutboxMessage.objects.latest("pk")
    texts = "".join(
        page.get(url).text
        for model in COLUMNS
        for url in (
            address(model),
            *(address(model, row.pk) for row in model._default_manager.all()[:20]),
        )
    )
    assert case.repo.full_name in texts
    hidden = ("uncommon thing", "A private word", letter.subject, secret, secret[:10], "pbkdf2")
    assert [words for words in hidden if words in texts] == []


@pytest.mark.parametrize("model", COLUMNS, ids=lambda model: model._meta.label_lower)
def test_nobody_changes_a_row(page, model):
    assert page.post(address(model), {"action": "delete_selected"}).status_code == 405
    assert page.post(address(model, 1), {"state": "approved"}).status_code == 405
    assert page.get(f"{address(model)}/add").status_code in (302, 404)
    assert page.get(f"{address(model, 1)}/delete").status_code in (302, 404)
    assert not LogEntry.objects.exists()


def test_rows_are_found_by_what_somebody_names(page, now):
    case, other = make_request(make_repo(), now=now), make_request(make_repo(), now=now)
    text = page.get(address(AccessRequest), {"q": case.applicant.username}).text
    assert address(AccessRequest, case.pk) in text
    assert address(AccessRequest, other.pk) not in text
    assert "Nothing here matches." in page.get(address(AccessRequest), {"q": "nobody"}).text
    assert case.repo.full_name in page.get(address(AccessRequest, case.pk)).text


def test_only_operators_look_rows_up(client):
    client.force_login(make_reviewer(make_repo()))
    assert client.get("/operators/records").status_code == 403
    assert {client.get(address(model)).status_code for model in COLUMNS} == {403}
