"""A lab takes its records out: whole, streamed, safe to open, and on the record."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.test import AsyncClient
from django.urls import reverse

from portal.access.models import AccessRequest
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.catalog.models import TeamMember
from portal.delivery.models import Download
from portal.site.archives import exports
from portal.site.archives.csv_lines import csv_line, safe_cell
from portal.site.archives.exports import EXPORTS
from tests.factories.access import make_draft, make_grant, make_request
from tests.factories.accounts import LONG_AGO, make_user
from tests.factories.catalog import make_repo, make_reviewer, make_revision

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo():
    return make_repo()


@pytest.fixture
def administrator(repo, client):
    person = make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)
    client.force_login(person)
    return person


def address(repo, rows: str, form: str) -> str:
    return f"/exports/{repo.full_name}/{rows}.{form}"


def read(answer) -> bytes:
    return b"".join(answer.streaming_content)


def rows_of(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(read(answer).decode())))


def test_the_page_names_each_table_and_what_it_holds(client, repo, administrator):
    page = client.get(f"/exports/{repo.full_name}").content.decode()
    for export in EXPORTS.values():
        assert export.holds in page
        assert address(repo, export.slug, "csv") in page
        assert address(repo, export.slug, "json") in page


def test_requests_come_without_drafts_and_other_models(client, repo, administrator):
    case = make_request(repo)
    make_draft(repo, make_user())
    make_request(make_repo())
    rows = rows_of(client.post(address(repo, "requests", "csv")))
    assert [row["request"] for row in rows] == [str(case.pk)]
    assert rows[0]["state"] == "in_review"
    assert rows[0]["submitted_at"] == LONG_AGO.isoformat()


def test_json_is_the_same_rows(client, repo, administrator):
    grant = make_grant(repo)
    rows = json.loads(read(client.post(address(repo, "grants", "json"))))
    assert [row["grant"] for row in rows] == [grant.pk]
    assert rows[0]["modes"] == grant.modes
    assert rows[0]["revoked_at"] is None
    decided = json.loads(read(client.post(address(repo, "decisions", "json"))))
    assert decided[0]["verdict"] == "approved"


def test_an_empty_table_is_whole(client, repo, administrator):
    for rows, export in EXPORTS.items():
        assert json.loads(read(client.post(address(repo, rows, "json")))) == [], rows
        text = read(client.post(address(repo, rows, "csv"))).decode()
        assert list(csv.reader([text])) == [list(export.columns)]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_batches_join_without_a_seam(client, repo, administrator, monkeypatch, form):
    monkeypatch.setattr(exports, "BATCH", 2)
    cases = [make_request(repo).pk for _ in range(5)]
    answer = client.post(address(repo, "requests", form))
    rows = rows_of(answer) if form == "csv" else json.loads(read(answer))
    assert [int(row["request"]) for row in rows] == cases


def test_downloads_come_with_their_file(client, repo, administrator, tmp_path):
    revision = make_revision(repo, tmp_path / "release")
    file = revision.files.first()
    Download.objects.create(
        person=administrator,
        file=file,
        revision=revision,
        length_bytes=10,
        status_code=200,
        started_at=LONG_AGO,
    )
    row = rows_of(client.post(address(repo, "downloads", "csv")))[0]
    assert (row["file"], row["sha256"]) == (file.path, file.blob_id)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+31 20", "'+31 20"),
        ("-x", "'-x"),
        ("@cmd", "'@cmd"),
        ("\tx", "'\tx"),
        ("\n=1", "'\n=1"),
        ("＝1", "'＝1"),
        ("plain", "plain"),
        ("a=b", "a=b"),
        (-1, -1),
        (None, None),
        (["download"], '["download"]'),
    ],
)
def test_no_cell_is_a_formula(value, cell):
    assert safe_cell(value) == cell


@pytest.mark.parametrize("splits_at", [";", "\t"])
def test_a_cell_stays_one_where_a_spreadsheet_splits_elsewhere(splits_at):
    line = csv_line(["a", f"b{splits_at}=1+1"])
    assert "=1+1" not in next(csv.reader([line], delimiter=splits_at))


def test_an_owner_takes_out_the_cases_they_may_read(client, repo):
    make_grant(repo)
    late = make_request(repo)
    AccessRequest.objects.filter(pk=late.pk).update(escalation_level=2, escalated_at=LONG_AGO)
    client.force_login(repo.namespace.roles.exclude(user__is_superuser=True).get().user)
    requests = rows_of(client.post(address(repo, "requests", "csv")))
    assert [row["request"] for row in requests] == [str(late.pk)]
    assert rows_of(client.post(address(repo, "decisions", "csv"))) == []
    assert len(rows_of(client.post(address(repo, "grants", "csv")))) == 1


def test_a_formula_in_a_name_leaves_as_text(client, repo, administrator):
    case = make_request(repo)
    AccessRequest.objects.filter(pk=case.pk).update(organization_name='=HYPERLINK("http://x")')
    row = rows_of(client.post(address(repo, "requests", "csv")))[0]
    assert row["organization"] == '\'=HYPERLINK("http://x")'


def test_each_export_is_on_the_record(client, repo, administrator):
    client.post(address(repo, "requests", "csv"))
    event = AuditEvent.objects.get(type=EventType.EXPORT_MADE)
    assert (event.actor, event.target_id) == (administrator, str(repo.pk))
    assert event.data == {"rows": "requests", "form": "csv"}


@pytest.mark.parametrize("path", ["", "/requests.csv"])
def test_everybody_else_is_refused(client, repo, path):
    make_request(repo)
    client.force_login(make_reviewer(repo))
    send = client.post if path else client.get
    assert send(f"/exports/{repo.full_name}{path}").status_code == 403
    client.logout()
    answer = send(f"/exports/{repo.full_name}{path}")
    assert answer.status_code == 302
    assert reverse("account_login") in answer["Location"]
    assert not AuditEvent.objects.filter(type=EventType.EXPORT_MADE).exists()


@pytest.mark.parametrize("path", ["/votes.csv", "/requests.xlsx"])
def test_no_other_tables_or_forms(client, repo, administrator, path):
    assert client.post(f"/exports/{repo.full_name}{path}").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_server_of_events_streams_the_same(repo):
    cases = [make_request(repo).pk for _ in range(3)]
    person = make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)
    client = AsyncClient()
    client.force_login(person)

    async def taken() -> bytes:
        answer = await client.post(address(repo, "requests", "json"))
        whole = b"".join([piece async for piece in answer.streaming_content])
        await sync_to_async(connections.close_all)()  # the view's thread had one
        return whole

    assert [row["request"] for row in json.loads(asyncio.run(taken()))] == cases


def test_the_documented_columns_are_those_that_leave():
    text = (Path(settings.BASE_DIR) / "docs" / "exports.md").read_text("utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    documented = {}
    for section in sections:
        cells = re.findall(r"^\| ([a-z0-9_, ]+) \|", section, flags=re.MULTILINE)[1:]
        names = [name.strip() for cell in cells for name in cell.split(",")]
        documented[section.split("\n")[0]] = names
    assert documented == {slug: list(export.columns) for slug, export in EXPORTS.items()}


def test_more_rows_ask_no_more_of_the_database(
    client, repo, administrator, django_assert_num_queries
):
    make_request(repo, now=LONG_AGO + timedelta(days=1))
    with django_assert_num_queries(2):
        b"".join(exports._now(exports._Pieces(EXPORTS["requests"], repo, "csv", administrator)))
    for _ in range(3):
        make_request(repo)
    with django_assert_num_queries(2):
        b"".join(exports._now(exports._Pieces(EXPORTS["requests"], repo, "csv", administrator)))
