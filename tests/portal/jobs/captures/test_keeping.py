"""Captures lie in the store as long as their job's texts, and never longer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.catalog.models import StorageFinding
from portal.catalog.services.storage_check import verify_storage
from portal.jobs.captures.keeping import captures_of, sweep_captures
from portal.jobs.errors import LeaseLost
from portal.jobs.models import CapturedBlob, CaptureFile, Job
from portal.jobs.services import cancel_job, fail_job, finish_job, release_job
from portal.jobs.services.forgetting import forget_old
from portal.storage import blob_store
from tests.factories.captures import ONE, RESULT, make_captured, store_captures
from tests.factories.jobs import claim

CONTENT = b"what was captured"


def is_stored(sha256):
    return blob_store().has(sha256)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def running(hosted, submit, now):
    submit(now=now, capture=[ONE])
    return claim(hosted, now=now)


@pytest.mark.django_db(transaction=True)
class TestEnds:
    def test_a_result_has_its_captures(self, running, now):
        sha256 = store_captures(running, CONTENT, now)
        assert captures_of(running) is None  # until the job has succeeded with them
        job = finish_job(job_id=running.pk, attempt=1, result=RESULT, now=now)
        assert captures_of(job).blob_id == sha256
        assert job.capture_bytes == len(CONTENT)
        assert is_stored(sha256)

    @pytest.mark.parametrize("state", [Job.State.FAILED, Job.State.CANCELLED])
    def test_a_job_that_ends_otherwise_leaves_nothing(self, running, now, state):
        sha256 = store_captures(running, CONTENT, now)
        fail_job(job_id=running.pk, attempt=1, error="It ended.", now=now, state=state)
        assert not CaptureFile.objects.exists()
        assert not CapturedBlob.objects.exists()
        assert not is_stored(sha256)

    def test_more_than_was_reserved_is_never_stored(self, running, now):
        with pytest.raises(ValueError, match="over the"):
            store_captures(running, bytes(running.reserved_capture_bytes + 1), now)
        assert not CapturedBlob.objects.exists()

    def test_a_worker_that_lost_its_lease_stores_nothing(self, running, hosted, now):
        release_job(job_id=running.pk, attempt=1)
        second = claim(hosted, now=now)
        with pytest.raises(LeaseLost):
            store_captures(running, CONTENT, now)
        assert not CapturedBlob.objects.exists()
        assert second.attempt == 2

    def test_what_a_lost_worker_stored_is_swept(self, running, hosted, now):
        sha256 = store_captures(running, CONTENT, now)
        assert sweep_captures(now) == 0  # it may finish yet
        release_job(job_id=running.pk, attempt=1)
        second = claim(hosted, now=now)
        assert sweep_captures(now) == 1
        assert not is_stored(sha256)
        other = store_captures(second, b"again", now)
        job = finish_job(job_id=second.pk, attempt=2, result=RESULT, now=now)
        assert captures_of(job).blob_id == other
        assert sweep_captures(now) == 0

    def test_bytes_that_two_jobs_captured_stay_for_the_other(self, hosted, submit, now):
        jobs = []
        for _ in range(2):
            submit(now=now, capture=[ONE])
            jobs.append(make_captured(hosted, now, content=CONTENT))
        sha256 = captures_of(jobs[0]).blob_id
        CaptureFile.objects.filter(job=jobs[0]).update(is_whole=False)
        sweep_captures(now)
        assert is_stored(sha256)
        assert captures_of(jobs[1]).blob_id == sha256

    def test_a_row_whose_bytes_were_never_named_is_swept_later(self, now):
        CapturedBlob.objects.create(sha256="0" * 64, size_bytes=1, created_at=now)
        sweep_captures(now)
        assert CapturedBlob.objects.exists()  # it may be named in a moment
        sweep_captures(now + timedelta(hours=1))
        assert not CapturedBlob.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestForgetting:
    def test_they_go_with_the_texts(self, hosted, submit, now, settings):
        submit(now=now, capture=[ONE])
        job = make_captured(hosted, now)
        sha256 = captures_of(job).blob_id
        forget_old(now + timedelta(days=settings.PROMPT_DAYS - 1))
        assert is_stored(sha256)
        forget_old(now + timedelta(days=settings.PROMPT_DAYS + 1))
        job.refresh_from_db()
        assert job.white_box is None
        assert captures_of(job) is None
        assert not is_stored(sha256)
        assert job.capture_bytes > 0  # which still counts

    def test_the_check_of_the_store_knows_them(self, hosted, submit, now):
        submit(now=now, capture=[ONE])
        make_captured(hosted, now)
        verify_storage(now=now + timedelta(days=2), orphans_after=timedelta())
        assert not StorageFinding.objects.exists()

    def test_a_cancelled_job_that_waits_has_none(self, submit, guest, now):
        job = submit(now=now, capture=[ONE])
        cancel_job(person=guest, job_id=job.pk, now=now)
        assert Job.objects.get().capture_bytes == 0
