"""One click takes out all that is held of a person: every kind of row, nobody else's, no secret."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from django.apps import apps
from django.utils import timezone

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due
from portal.site.archives.my_data import ELSEWHERE, SOURCES
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import LONG_AGO, make_token, make_user
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db


def take(client, person) -> dict[str, bytes]:
    client.force_login(person)
    answer = client.post("/settings/my-data")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as whole:
        return {name.partition("/")[2]: whole.read(name) for name in whole.namelist()}


def rows(files: dict[str, bytes], name: str) -> list[dict]:
    return json.loads(files[f"{name}.json"])


def columns_that_name_a_person() -> set[str]:
    return {
        f"{model._meta.label_lower}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model is User and model is not User
    }


def test_every_column_that_names_a_person_is_exported_or_accounted_for():
    covered = {f"{records.rows._meta.label_lower}.{records.path}" for records in SOURCES.values()}
    named = columns_that_name_a_person()
    assert named <= covered | set(ELSEWHERE)
    assert set(ELSEWHERE) <= named - covered
    assert all(ELSEWHERE.values())


def test_many_to_many_columns_would_be_missed():
    assert not [
        field
        for model in apps.get_models()
        for field in model._meta.many_to_many
        if field.related_model is User
    ]


def test_it_holds_the_way_from_request_to_letters(client):
    grant = make_grant(make_repo())
    make_token(grant.person)
    deliver_due(now=timezone.now(), limit=100)
    files = take(client, grant.person)
    assert json.loads(files["account.json"])["username"] == grant.person.username
    assert rows(files, "addresses")[0]["email"] == grant.person.email
    assert rows(files, "snapshots")[0]["answers"]["purpose"]
    assert rows(files, "signatures")[0]["ip"] == "192.0.2.17"
    assert [row["id"] for row in rows(files, "grants")] == [grant.pk]
    assert {"receipt"} <= {row["kind"] for row in rows(files, "letters")}
    assert "grant.made" in {row["type"] for row in rows(files, "record")}


def test_it_holds_nobody_elses(client):
    repo = make_repo()
    mine, other = make_request(repo), make_request(repo)
    files = take(client, mine.applicant)
    whole = b"".join(files.values())
    assert [row["id"] for row in rows(files, "requests")] == [mine.pk]
    assert other.applicant.username.encode() + b"@" not in whole


def test_who_decided_and_what_the_team_notes_is_not_in_it(client):
    grant = make_grant(make_repo())
    request = grant.decision.request
    author = make_reviewer(request.repo)
    request.notes.create(author=author, text="A note of ours.", written_at=LONG_AGO)
    files = take(client, grant.person)
    assert "decided_by_id" not in rows(files, "decisions")[0]
    assert b"A note of ours." not in b"".join(files.values())
    assert rows(take(client, author), "notes_written")[0]["text"] == "A note of ours."


def test_no_secret_is_in_it(client):
    person = make_user()
    token, secret = make_token(person)
    OutboxMessage.objects.create(
        key="secret",
        kind="reset",
        recipient=person,
        address=person.email,
        subject="Reset",
        text="https://portal.example/reset/the-secret",
        is_secret=True,
        created_at=LONG_AGO,
        due_at=LONG_AGO,
    )
    whole = b"".join(take(client, person).values()).decode()
    for hidden in (token.secret_hash, secret, person.password, "the-secret"):
        assert hidden not in whole


def test_that_it_was_taken_is_recorded(client):
    person = make_user()
    take(client, person)
    event = AuditEvent.objects.get(type=EventType.OWN_DATA_EXPORTED)
    assert (event.actor, event.target_id) == (person, str(person.pk))


def test_the_profile_leads_there(client):
    client.force_login(make_user())
    assert 'action="/settings/my-data"' in client.get("/profile").content.decode()


def test_more_rows_ask_no_more_of_the_database(client, django_assert_max_num_queries):
    person = make_grant(make_repo()).person
    for _ in range(3):
        make_request(make_repo(), person)
    client.force_login(person)
    with django_assert_max_num_queries(61):
        client.post("/settings/my-data")
