"""A person reads how far their downloads came: what came, broke off, and is left."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.delivery.accounting.progress import downloaded_revisions, progress_of
from portal.delivery.models import Download
from tests.factories.catalog import make_repo, make_revision
from tests.portal.world import SHARD


@pytest.fixture
def fetch(world):
    """Note a request for bytes of a file; ``sent``: how many came."""

    def fetch(path=SHARD, start=0, sent=None, *, ended=True, ago=timedelta(hours=1), status=200):
        file = world.file(path)
        at = timezone.now() - ago
        Download.objects.create(
            person=world.researcher,
            file=file,
            revision=world.revision,
            range_start=start,
            length_bytes=file.blob.size_bytes - start,
            bytes_sent=sent,
            status_code=status,
            started_at=at,
            ended_at=at if ended else None,
        )

    return fetch


@pytest.fixture
def progress(world):
    def read():
        rows = list(downloaded_revisions(world.researcher))
        (revision,) = progress_of(world.researcher, rows, timezone.now())
        return revision

    return read


@pytest.fixture
def shard(world, progress):
    """Return how far the shard came."""

    def read():
        return next(file for file in progress().files if file.file.path == SHARD)

    return read


def test_ranges_are_joined_and_what_came_twice_counts_once(world, fetch, shard):
    size = world.file().blob.size_bytes
    fetch(start=0, sent=10)
    fetch(start=5, sent=10)
    fetch(start=size - 4, sent=4)
    assert shard().came_bytes == 19
    assert not shard().is_whole


def test_a_resumed_file_is_whole(world, fetch, shard):
    fetch(start=0, sent=10)
    fetch(start=10)
    assert shard().is_whole
    assert shard().percent == 100


def test_a_refused_request_brings_nothing(fetch, progress):
    fetch(sent=0, status=416)
    assert all(file.last_at is None for file in progress().files)


def test_the_files_that_broke_off_stand_before_those_never_begun(fetch, progress):
    fetch(sent=3)
    revision = progress()
    assert [file.file.path for file in revision.broken_off] == [SHARD]
    assert revision.left[0].file.path == SHARD
    assert revision.untouched
    assert not revision.may_run


def test_a_range_that_came_whole_broke_nothing_off(fetch, progress, world):
    file = world.file()
    fetch(sent=3)
    Download.objects.update(length_bytes=3)
    revision = progress()
    assert revision.broken_off == []
    assert [it.file for it in revision.in_part] == [file]


def test_bytes_of_another_model_are_that_models(world, fetch):
    fetch()
    other = make_repo()
    revision = make_revision(other, world.folder)
    person = world.researcher
    rows = [{"revision": revision.pk, "last_at": timezone.now()}]
    (of_other,) = progress_of(person, rows, timezone.now())
    assert of_other.came_bytes == 0


def test_what_has_not_ended_yet_may_still_run(fetch, progress):
    fetch(sent=None, ended=False, ago=timedelta(minutes=1))
    assert progress().may_run


class TestThePage:
    def test_it_says_how_to_go_on(self, client, world, fetch):
        client.force_login(world.researcher)
        fetch(sent=3)
        page = client.get("/downloads").text
        assert "Broke off" in page
        assert f"hf download {world.repo.full_name} --revision {world.revision.commit}" in page
        assert "export HF_ENDPOINT=" in page

    def test_all_that_came_is_complete(self, client, world, fetch):
        client.force_login(world.researcher)
        for file in world.revision.files.all():
            fetch(file.path)
        page = client.get("/downloads").text
        assert "Complete" in page
        assert "hf download" not in page

    def test_nobody_reads_anothers(self, client, world, fetch):
        fetch(sent=3)
        client.force_login(world.stranger)
        assert "You haven’t downloaded anything yet" in client.get("/downloads").text

    def test_it_costs_the_same_however_many_requests(
        self, client, world, fetch, django_assert_num_queries
    ):
        client.force_login(world.researcher)
        fetch(sent=3)
        with CaptureQueriesContext(connection) as before:
            client.get("/downloads")
        for start in range(5):
            fetch(start=start, sent=1)
        with django_assert_num_queries(len(before)):
            client.get("/downloads")
