"""Each answer of /v1/completions tells what is left, in the headers that OpenAI’s clients read."""

from __future__ import annotations

import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.access.grants.quotas.changing import change_quotas
from portal.jobs.rate_limit_headers import duration_of
from portal.jobs.services import claim_next_job, fail_job
from tests.factories.accounts import make_token
from tests.factories.catalog import make_reviewer
from tests.factories.grants import make_gate
from tests.factories.jobs import make_guest, make_job

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = [
    f"x-ratelimit-{part}-{what}"
    for part in ("limit", "remaining", "reset")
    for what in ("requests", "tokens")
]


@pytest.fixture
def guest(hosted):
    return make_guest(hosted)


@pytest.fixture
def ask(client, hosted, guest):
    _, secret = make_token(guest, now=timezone.now())

    def send(**fields):
        body = {"model": hosted.full_name, "prompt": [5], "max_tokens": 9, **fields}
        headers = {"Authorization": f"Bearer {secret}"}
        return client.post("/v1/completions", json.dumps(body), "application/json", headers=headers)

    return send


@pytest.fixture
def failing(hosted, monkeypatch):
    """Let a job that is waited for fail at once, as if its worker had said so."""

    async def ended(job_id):
        from asgiref.sync import sync_to_async

        await sync_to_async(_fail)(hosted)

    monkeypatch.setattr("portal.jobs.views.openai.until_ended", ended)


def _fail(hosted):
    now = timezone.now()
    job = claim_next_job(
        worker="w", repo_id=hosted.pk, revision_id=hosted.revisions.get().pk, now=now
    )
    fail_job(job_id=job.pk, attempt=1, error="It broke.", now=now)


def figures(response):
    return {name: response[name] for name in NAMES}


def test_a_stream_tells_what_is_left_with_itself_counted(hosted, guest, ask, settings):
    settings.DAILY_TOKENS, settings.MAX_OPEN_JOBS = 100, 8
    told = figures(ask(stream=True))
    assert re.fullmatch(r"(\d+h)?(\d+m)?\d+s", told.pop("x-ratelimit-reset-tokens"))
    assert told == {
        "x-ratelimit-limit-requests": "8",
        "x-ratelimit-remaining-requests": "7",
        "x-ratelimit-reset-requests": "2s",
        "x-ratelimit-limit-tokens": "100",
        "x-ratelimit-remaining-tokens": "90",
    }


def test_numbers_that_the_team_changes_are_told_at_once(hosted, guest, ask, settings):
    settings.DAILY_TOKENS = 100
    assert figures(ask(stream=True))["x-ratelimit-limit-tokens"] == "100"
    change_quotas(
        actor=make_reviewer(hosted),
        grant_id=guest.grants.get().pk,
        changes={"tokens_per_day": 50, "concurrent_jobs": 3},
        reason="We share it among more people now.",
        now=timezone.now(),
    )
    told = figures(ask(stream=True))
    assert told["x-ratelimit-limit-tokens"] == "50"
    assert told["x-ratelimit-limit-requests"] == "3"


@pytest.mark.usefixtures("failing")
def test_a_job_that_failed_has_them_too(ask):
    response = ask()
    assert response.status_code == 500
    assert set(figures(response)) == set(NAMES)


def test_a_429_has_them_with_retry_after(hosted, guest, ask, settings):
    settings.DAILY_TOKENS = 12
    make_job(hosted, guest, now=timezone.now(), prompt=[5], max_tokens=9)
    response = ask()
    assert response.status_code == 429
    assert figures(response)["x-ratelimit-remaining-tokens"] == "2"
    hours, minutes, seconds = (
        int(part or 0)
        for part in re.fullmatch(
            r"(?:(\d+)h)?(?:(\d+)m)?(\d+)s", response["x-ratelimit-reset-tokens"]
        ).groups()
    )
    assert int(response["Retry-After"]) == 3600 * hours + 60 * minutes + seconds


def test_a_429_for_open_jobs_says_how_many_there_may_be(hosted, guest, ask):
    make_gate(hosted, concurrent_jobs=1, tokens_per_day=50)
    make_job(hosted, guest, now=timezone.now(), prompt=[5], max_tokens=9)
    response = ask()
    assert response.status_code == 429
    told = figures(response)
    assert told["x-ratelimit-limit-requests"] == "1"
    assert told["x-ratelimit-remaining-requests"] == "0"
    assert told["x-ratelimit-limit-tokens"] == "50"
    assert response["Retry-After"] == told["x-ratelimit-reset-requests"].removesuffix("s")


def test_a_400_after_the_check_of_access_has_them(ask):
    response = ask(max_tokens=10_000)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "max_tokens")
    assert set(figures(response)) == set(NAMES)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (1, "1s"), (60, "1m0s"), (360, "6m0s"), (3600, "1h0m0s"), (50_399, "13h59m59s")],
)
def test_durations_are_spelled_as_openai_does(seconds, words):
    assert duration_of(seconds) == words


def test_the_figures_cost_no_query_of_their_own(hosted, guest, now):
    """One for the gate’s numbers, and one count, under the lock."""
    make_job(hosted, guest, now=now)
    with CaptureQueriesContext(connection) as queries:
        make_job(hosted, guest, now=now)
    asked = [query["sql"] for query in queries]
    assert sum("access_gatesettings" in sql for sql in asked) == 1
    assert sum("jobs_job" in sql and "SUM(" in sql for sql in asked) == 1
    assert sum("COUNT(" in sql and "SUM(" not in sql for sql in asked) == 0
