"""One person's downloads are held to a quota a day, and to so many at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from huggingface_hub.utils import parse_ratelimit_headers

from portal.accounts.tokens.authentication import Caller
from portal.delivery.accounting import quota
from portal.delivery.models import Download
from portal.delivery.services import mint_link
from portal.formatting import start_of_day
from portal.jobs.streaming.slots import take_slot
from tests.factories.access import make_grant
from tests.portal.world import SHARD


@pytest.fixture
def link(world):
    caller = Caller(world.researcher, world.token)
    return mint_link(caller=caller, file=world.file(), now=timezone.now())


@pytest.fixture
def fetched(world):
    """Return a maker of past downloads of so many bytes, sent or only asked for."""

    def fetched(length_bytes, sent=None, *, at=None, person=None):
        Download.objects.create(
            person=person or world.researcher,
            file=world.file(),
            revision=world.revision,
            length_bytes=length_bytes,
            bytes_sent=sent,
            status_code=200,
            started_at=at or timezone.now(),
        )

    return fetched


def test_a_spent_day_is_told_with_the_time_to_wait(world, client, link, fetched, settings):
    settings.DAILY_DOWNLOAD_GB = 1
    fetched(10**9)
    for url, headers in ((world.url(), world.bearer), (link, {})):
        response = client.get(url, headers=headers)
        assert response.status_code == 429
        assert "1 GB today" in response["X-Error-Message"]
        assert "00:00 UTC" in response["X-Error-Message"]
        wait = int(response["Retry-After"])
        assert 0 < wait <= 24 * 3600
        limits = parse_ratelimit_headers(dict(response.items()))
        assert (limits.resource_type, limits.remaining) == ("daily_bytes", 0)
        assert limits.reset_in_seconds == wait
    assert Download.objects.count() == 1


def test_metadata_and_what_stands_before_the_gate_stay_free(world, client, fetched, settings):
    settings.DAILY_DOWNLOAD_GB = 1
    fetched(10**9)
    assert client.head(world.url(), headers=world.bearer).status_code == 200
    card = client.get(world.url("README.md"), headers=world.bearer)
    assert card.status_code == 302


def test_what_counts_is_what_was_sent_today_to_this_person(world, fetched):
    now = timezone.now()
    fetched(500, 20)
    fetched(7)
    fetched(1000, 1000, at=start_of_day(now) - timedelta(seconds=1))
    fetched(1000, 1000, person=world.stranger)
    assert quota.bytes_today(world.researcher.pk, now) == 27


def test_no_limit_is_none(client, link, fetched, settings):
    settings.DAILY_DOWNLOAD_GB = 0
    fetched(10**15)
    assert client.get(link).status_code == 200


def body(response):
    return b"".join(response.streaming_content)


def test_streams_at_once_are_counted_until_they_end(world, client, link, settings):
    settings.MAX_DOWNLOADS = 2
    first, second = client.get(link), client.get(link)
    refused = client.get(link)
    assert refused.status_code == 429
    assert "2 downloads under way" in refused["X-Error-Message"]
    assert refused["Retry-After"] == "10"
    assert client.head(link).status_code == 200
    assert body(first) == world.bytes_of()
    third = client.get(link)
    assert third.status_code == 200
    assert body(second) == body(third)


def test_others_streams_are_their_own(world, client, link, settings):
    settings.MAX_DOWNLOADS = 1
    colleague = make_grant(world.repo, now=timezone.now()).person
    theirs = mint_link(caller=Caller(colleague), file=world.file(SHARD), now=timezone.now())
    mine, second = client.get(link), client.get(theirs)
    assert second.status_code == 200
    assert body(mine) == body(second)


def test_pages_that_follow_jobs_are_counted_apart(world, settings):
    settings.MAX_DOWNLOADS, settings.MAX_EVENT_STREAMS = 1, 2
    person = world.stranger.pk
    take_slot(person, timezone.now())
    assert quota.begin_download(person), "a page is no download"
    take_slot(person, timezone.now() + timedelta(seconds=1))
    with pytest.raises(quota.TooManyDownloads):
        quota.begin_download(person)


def test_a_stream_that_moves_nothing_is_forgotten(world, monkeypatch, settings):
    settings.MAX_DOWNLOADS = 1
    person = world.stranger.pk
    assert quota.begin_download(person)
    with pytest.raises(quota.TooManyDownloads):
        quota.begin_download(person)
    monkeypatch.setattr(quota, "STALE_SECONDS", 0)
    moving = quota.begin_download(person)
    assert moving


def test_while_nothing_can_count_nobody_is_refused(world, client, link, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.MAX_DOWNLOADS = 1
    first, second = client.get(link), client.get(link)
    assert second.status_code == 200
    assert body(first) == body(second)
