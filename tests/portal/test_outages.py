"""While a server is away, people and programs are told so in their own form, and when to retry."""

from __future__ import annotations

import logging
from pathlib import Path

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.db import OperationalError
from django.test import AsyncClient, Client

from portal.accounts.tokens.secrets import new_secret
from portal.storage import blob_store
from portal.surfaces.outages import DiskFull, ServiceAway, outage_of
from tests.live import free_port

pytestmark = pytest.mark.django_db

PROGRAMS = ["/api/whoami-v2", "/v1/models", "/api/v1/models/", "/a/b/resolve/main/x"]
BEARER = {"Authorization": f"Bearer {new_secret()}"}


def lost_connection() -> OperationalError:
    """Return what Django raises where the server has closed the connection."""
    error = OperationalError("the connection is lost")
    error.__cause__ = psycopg.OperationalError("the connection is lost")
    return error


@pytest.fixture
def database_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every query fail as where the database is away."""

    def fail(*arguments: object, **named: object) -> None:
        raise lost_connection()

    monkeypatch.setattr("django.db.models.query.QuerySet._fetch_all", fail)


@pytest.mark.usefixtures("database_away")
@pytest.mark.parametrize("place", PROGRAMS)
def test_a_program_is_told_in_its_form_when_to_ask_again(place):
    response = Client(raise_request_exception=False).get(place, headers=BEARER)
    assert (response.status_code, response["Retry-After"]) == (503, "10")
    assert "database" in str(response.json()["error"])


@pytest.mark.usefixtures("database_away")
@pytest.mark.parametrize("kind", [Client, AsyncClient])
async def test_a_person_reads_what_is_away(kind):
    client = kind(raise_request_exception=False)
    response = await client.get("/") if kind is AsyncClient else await _in_thread(client)
    assert (response.status_code, response["Retry-After"]) == (503, "10")
    assert "Our database can’t be reached just now." in response.text
    assert response["Cache-Control"] == "no-store"


async def _in_thread(client: Client):
    return await sync_to_async(client.get)("/")


@pytest.mark.usefixtures("database_away")
def test_the_log_has_a_line_and_no_traceback(caplog):
    Client(raise_request_exception=False).get("/")
    lines = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [(record.levelname, bool(record.exc_info)) for record in lines] == [("WARNING", False)]


def test_redis_and_a_bucket_that_are_away_are_told_from_mistakes(settings):
    nowhere = f"127.0.0.1:{free_port()}"
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": f"redis://{nowhere}"}}
    assert isinstance(outage_of(raised_by(lambda: cache.get("a"))), ServiceAway)
    settings.STORAGE, settings.S3_BUCKET = "s3", "weights"
    settings.S3_ENDPOINT_URL = f"http://{nowhere}"
    settings.S3_ACCESS_KEY_ID = settings.S3_SECRET_ACCESS_KEY = "nobody"
    store = blob_store()
    assert isinstance(outage_of(raised_by(lambda: store.has("0" * 64))), ServiceAway)


def test_a_full_disk_is_told_as_one():
    with Path("/dev/full").open("wb", buffering=0) as full:
        error = raised_by(lambda: full.write(b"more"))
    assert isinstance(outage_of(error), DiskFull)


def test_a_mistake_of_a_query_is_no_outage():
    deadlock = OperationalError("deadlock detected")
    deadlock.__cause__ = psycopg.errors.DeadlockDetected("deadlock detected")
    assert outage_of(deadlock) is None
    assert outage_of(ZeroDivisionError()) is None


def raised_by(act) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011, any error is read by its caller
        act()
    return caught.value
