"""Anybody reads how the gate performs, on a page and as data, at a fixed cost."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories.access import make_request
from tests.factories.catalog import make_repo

pytestmark = pytest.mark.django_db


@pytest.fixture
def slow_gate():
    repo = make_repo()
    for _ in range(5):
        make_request(repo, now=timezone.now() - timedelta(days=40))
    return repo


def test_an_empty_portal_has_a_page(client):
    page = client.get("/transparency")
    assert page.status_code == 200
    assert "How the gate performs" in page.content.decode()


def test_the_undecided_show(client, slow_gate):
    page = client.get("/transparency")
    text = " ".join(page.content.decode().split())
    assert "0 % <small>of 5 requests at least that old" in text
    assert slow_gate.full_name in text
    assert page.context["headline"].share == 0


def test_a_private_model_is_not_named(client, slow_gate):
    slow_gate.private = True
    slow_gate.save()
    assert slow_gate.full_name not in client.get("/transparency").content.decode()
    assert slow_gate.full_name not in client.get("/transparency.json").content.decode()


def test_the_same_as_json(client, slow_gate):
    data = client.get("/transparency.json").json()
    overall = data["sectors"][-1]
    assert overall["key"] == "all"
    assert {cell["days"]: cell["percent"] for cell in overall["cells"]} == {
        7: 0,
        14: 0,
        30: 0,
        90: None,
    }
    assert data["repos"][0]["key"] == slow_gate.full_name
    assert data["waiting"]["count"] == 5


def test_the_same_as_csv(client, slow_gate):
    answer = client.get("/transparency.csv")
    assert set(answer["Cache-Control"].split(", ")) == {"public", "max-age=600"}
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert {row["table"] for row in rows} == {"sector", "repo"}
    overall = [row for row in rows if row["key"] == "all" and row["days"] == "14"]
    assert [(row["requests"], row["decided_in_time"], row["percent"]) for row in overall] == [
        ("5", "0", "0")
    ]


def test_the_home_page_and_the_foot_lead_there(client, slow_gate):
    assert client.get("/").content.decode().count('href="/transparency"') == 2


def test_more_of_everything_costs_no_more_queries(client, slow_gate):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/transparency").status_code == 200
        return len(captured)

    few = queries()
    for _ in range(3):
        make_request(make_repo(), now=timezone.now() - timedelta(days=20))
    assert queries() == few <= 10
