"""A rate limit bounds how much one person may change in a minute."""

from __future__ import annotations

import pytest
from django.utils import timezone

from tests.factories.accounts import make_token


@pytest.fixture
def limited(desk, settings):
    """One write, the making of the repo, is counted already, in this minute or the last."""
    settings.WRITES_PER_MINUTE = 2
    return desk


def test_who_goes_too_fast_is_told_how_long_to_wait(limited):
    answers = [limited.api("post", "branch/next") for _ in range(6)]  # in two minutes, at most
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert "2 changes a minute" in refused["X-Error-Message"]


def test_all_tokens_of_a_person_count_together(limited):
    statuses = []
    for _ in range(6):
        _, limited.secret = make_token(limited.publisher, "publish", now=timezone.now())
        statuses.append(limited.api("post", "branch/next").status_code)
    assert 429 in statuses


def test_reading_is_not_counted(limited):
    for _ in range(6):
        limited.api("post", "branch/next")
    assert limited.api("get", "refs").status_code == 200
