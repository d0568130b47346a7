"""The record's heads, for anybody to keep."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from portal.accounts.names import reserved_words
from portal.audit.heads import publish_heads, published_heads
from portal.audit.models import AuditEvent
from tests.factories.accounts import LONG_AGO, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def seventy_days():
    make_user()
    publish_heads(LONG_AGO + timedelta(days=70))
    return list(published_heads())


def test_the_page_says_what_it_is_and_how_to_check(client, seventy_days):
    text = client.get("/record").content.decode()
    assert "verify_audit --heads heads.txt" in text
    assert "/record/heads.txt" in text
    assert seventy_days[-1].hash in text


def test_the_page_is_there_before_the_first_head(client):
    assert "None yet" in client.get("/record").content.decode()


def test_the_list_is_paginated(client, seventy_days, django_assert_num_queries):
    with django_assert_num_queries(2):
        first = client.get("/record").content.decode()
    assert "70 days" in first
    assert "2026-03-15" in first
    assert "2026-01-05" not in first
    assert "2026-01-05" in client.get("/record?page=2").content.decode()


def test_every_page_links_to_it(client):
    assert 'href="/record"' in client.get("/").content.decode()


def test_heads_txt_has_one_line_a_day_oldest_first(client, seventy_days):
    response = client.get("/record/heads.txt")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response.content.decode().splitlines() == [str(head) for head in seventy_days]


def test_heads_txt_may_be_kept_by_any_cache(client, seventy_days):
    response = client.get("/record/heads.txt")
    assert response["Cache-Control"] == "public, max-age=600"
    assert "Set-Cookie" not in response
    assert "Cookie" not in response.get("Vary", "")
    again = client.get("/record/heads.txt", headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304


def test_heads_txt_ends_with_the_last_hour(client, seventy_days):
    before = client.get("/record/heads.txt")
    make_user()  # long ago by its event's time, and new in the chain
    again = client.get("/record/heads.txt", headers={"If-None-Match": before["ETag"]})
    newest = AuditEvent.objects.latest("sequence")
    last = again.content.decode().splitlines()[-1]
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\dT\d\d:00Z {newest.sequence} {newest.hash}", last)


def test_heads_txt_is_empty_before_the_first_head(client):
    response = client.get("/record/heads.txt")
    assert (response.status_code, response.content) == (200, b"")


def test_a_person_cannot_be_named_like_it():
    assert "record" in reserved_words()
