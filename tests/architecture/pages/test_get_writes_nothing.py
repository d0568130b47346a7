"""To open a page makes nothing and ends nothing: crawlers, scanners, prefetches open it too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.architecture.permissions.test_permissions import (
    PAGES,
    World,
    make_world,
    signed_in,
    url_of,
)

WRITES = re.compile(r'^(INSERT INTO|UPDATE|DELETE FROM) "?(\w+)', re.IGNORECASE)
OF_THE_BROWSER = {"django_session"}
SAID_IN_DECISION_45 = {("GET site:letter (of_letter)", "outbox_outboxmessage")}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("portal.site.views.operations.CHECKS", {})
    monkeypatch.setattr("portal.site.views.checks.CHECKS", ())
    return make_world(tmp_path / "in")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "role", ["anonymous", "applicant", "licensee", "administrator", "operator"]
)
def test_no_page_writes_when_it_is_read(world: World, role: str) -> None:
    client, written = signed_in(world)(role), set()
    for row in PAGES:
        url = url_of(row, world)
        with CaptureQueriesContext(connection) as captured:
            client.get(url)
        tables = {write[2] for query in captured if (write := WRITES.match(query["sql"]))}
        written |= {(str(row), table) for table in tables - OF_THE_BROWSER}
    assert written <= SAID_IN_DECISION_45
