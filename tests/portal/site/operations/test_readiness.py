"""`/readyz` waits once for a server that is away, however many parts need it."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from tests.live import free_port

pytestmark = pytest.mark.django_db


def test_a_database_that_is_away_is_asked_once(client, monkeypatch):
    asked = []

    def away(*arguments, **named):
        asked.append(1)
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", away)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["parts"] == {
        "database": "OperationalError: not reachable",
        "broker": "ok",
        "storage": "not checked without the database",
        "workers": "not checked without the database",
    }
    assert len(asked) == 1


def test_a_broker_that_is_away_hides_no_other_part(client, settings):
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    parts = client.get("/readyz").json()["parts"]
    assert parts["broker"] == "ConnectionError: not reachable"
    assert parts["workers"] == "not checked without the broker"
    assert (parts["database"], parts["storage"]) == ("ok", "ok")
