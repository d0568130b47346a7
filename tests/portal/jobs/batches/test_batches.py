"""A batch goes from its file to its answers, whatever stops it on the way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.grants.ending.revocation import revoke_grant
from portal.accounts.services import revoke_token
from portal.accounts.tokens.authentication import Caller
from portal.audit.models import AuditEvent
from portal.catalog.models import TeamMember
from portal.jobs.batches import collecting
from portal.jobs.batches.advancing import advance_batch, advance_batches
from portal.jobs.batches.files import delete_file
from portal.jobs.batches.public_ids import BATCH_PREFIX, FILE_PREFIX, spelt
from portal.jobs.batches.submitting import cancel_batch
from portal.jobs.errors import (
    BatchHasEnded,
    BatchNotFound,
    QuotaExceeded,
    StoredFileInUse,
)
from portal.jobs.models import BATCH, BatchLine, Job, StoredFile
from portal.jobs.quota import quota_today
from portal.jobs.services import fail_job, sweep
from portal.redis_client import redis_client
from tests.factories.accounts import make_token, make_user
from tests.factories.batches import make_batch, request_line, written
from tests.factories.catalog import make_reviewer
from tests.factories.jobs import claim, make_guest, make_job

DAY = timedelta(hours=24)


def go_on(batch, at):
    advance_batch(batch.pk, at)
    batch.refresh_from_db()
    return batch


def codes(file_id):
    return {line["custom_id"]: line["error"]["code"] for line in written(file_id)}


def test_it_runs_as_jobs_that_let_others_go_first(submit, guest, hosted, now):
    batch = submit()
    jobs = list(Job.objects.filter(batch=batch))
    assert (batch.state, batch.total, batch.in_progress_at) == ("in_progress", 3, now)
    assert [job.priority for job in jobs] == [BATCH] * 3
    asked = make_job(hosted, guest, now=now + timedelta(seconds=1))
    assert claim(hosted, now=now + timedelta(seconds=2)) == asked


def test_what_was_answered_and_what_failed_are_two_files(submit, answer, now):
    batch = submit()
    answer()
    broken = answer(error="The engine broke.").batch_line.custom_id
    go_on(batch, now)
    assert (batch.state, batch.completed, batch.failed) == ("in_progress", 1, 1)
    assert not StoredFile.objects.filter(is_whole=True, purpose="batch_output").exists()
    answer()
    go_on(batch, now)
    assert (batch.state, batch.completed, batch.failed) == ("completed", 2, 1)
    assert batch.finalizing_at == batch.completed_at == now
    output, errors = written(batch.output_file_id), written(batch.error_file_id)
    assert {line["custom_id"] for line in output} == {"id-0", "id-1", "id-2"} - {broken}
    for line in output:
        assert line["error"] is None
        assert line["response"]["status_code"] == 200
        body = line["response"]["body"]
        assert (body["object"], body["choices"][0]["text"]) == ("text_completion", "ab\0")
        assert body["usage"]["completion_tokens"] == 2
    [line] = errors
    assert (line["custom_id"], line["error"]) == (broken, None)
    assert line["response"]["status_code"] == 500
    assert "engine broke" in line["response"]["body"]["error"]["message"]
    assert len({line["id"] for line in output + errors}) == 3
    assert set(StoredFile.objects.values_list("is_whole", flat=True)) == {True}


def test_one_event_begins_it_and_one_ends_it(submit, answer, guest, now):
    before = AuditEvent.objects.count()
    batch = submit(2)
    assert AuditEvent.objects.get(type="batch.submitted").actor_id == guest.pk
    answer()
    answer()
    go_on(batch, now)
    data = AuditEvent.objects.get(type="batch.ended").data
    assert (data["state"], data["total"], data["completed"]) == ("completed", 2, 2)
    assert data["completion_tokens"] == 4
    assert AuditEvent.objects.count() == before + 2


def test_a_few_lines_are_open_at_once_and_the_end_of_one_brings_the_next(
    submit, answer, now, settings
):
    settings.BATCH_OPEN_LINES, settings.MAX_OPEN_JOBS = 2, 1
    batch = submit(5)
    seen = set()
    while go_on(batch, now).is_open:
        waiting = set(Job.objects.open().values_list("pk", flat=True))
        assert 1 <= len(waiting) <= 2
        seen |= waiting
        answer()
    assert len(seen) == batch.completed == 5


def test_lines_take_no_place_of_jobs(submit, hosted, guest, now, settings):
    settings.MAX_OPEN_JOBS = 1
    submit()
    make_job(hosted, guest, now=now)


def test_a_killed_process_loses_and_repeats_nothing(submit, answer, now, monkeypatch):
    batch = submit()
    answer()
    with monkeypatch.context() as killed:
        killed.setattr(collecting, "forget", lambda jobs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            advance_batch(batch.pk, now)
        assert advance_batches(now) == 1  # which holds up no other
    redis_client().flushdb()
    answer()
    answer()
    go_on(batch, now)
    names = [line["custom_id"] for line in written(batch.output_file_id)]
    assert names == ["id-0", "id-1", "id-2"]
    assert go_on(batch, now).completed == 3


def test_what_is_written_is_forgotten_elsewhere(submit, answer, now):
    batch = submit(1)
    assert not BatchLine.objects.exclude(body="").exists()
    answer()
    go_on(batch, now)
    job = Job.objects.get(batch=batch)
    assert (job.prompts, job.events, job.completion_tokens) == ([], [], 2)


def test_a_line_that_todays_quota_has_no_room_for_waits(submit, answer, guest, now, settings):
    settings.DAILY_TOKENS = 20
    batch = submit(5)
    fed = Job.objects.filter(batch=batch).count()
    assert 0 < fed < 5
    for _ in range(fed):
        answer()
    go_on(batch, now)
    assert (batch.state, batch.failed) == ("in_progress", 0)
    assert quota_today(guest, now).used > 0
    assert "1 is left today" in batch.waiting_for
    tomorrow = now + timedelta(hours=14)
    settings.DAILY_TOKENS = 200
    assert go_on(batch, tomorrow).waiting_for == ""
    while answer(at=tomorrow):
        pass
    assert go_on(batch, tomorrow).completed == 5


def test_a_model_that_is_loaded_again_is_waited_for(submit, hosted, guest, now):
    redis_client().flushdb()
    batch = submit(1)
    assert batch.state == "in_progress"
    assert batch.failed == 0


def test_what_no_day_has_room_for_or_no_context_fails_alone(hosted, guest, answer, now):
    lines = [
        request_line(hosted, "good"),
        request_line(hosted, "long", prompt=[5] * 90, max_tokens=50),
        request_line(hosted, "unknown", prompt=[99_999]),
    ]
    batch = make_batch(guest, lines, now=now)
    go_on(batch, now)
    answer()
    go_on(batch, now)
    assert (batch.state, batch.completed, batch.failed) == ("completed", 1, 2)
    refused = {line["custom_id"]: line["response"] for line in written(batch.error_file_id)}
    assert {name: answer["status_code"] for name, answer in refused.items()} == {
        "long": 400,
        "unknown": 400,
    }
    assert refused["long"]["body"]["error"]["code"] == "context_length_exceeded"


def test_cancelling_keeps_what_was_answered(submit, answer, guest, hosted, now, settings):
    settings.BATCH_OPEN_LINES = 3
    batch = submit(6)
    answer()
    running = claim(hosted, now=now)
    later = now + timedelta(minutes=1)
    name = spelt(BATCH_PREFIX, batch.pk)
    with pytest.raises(BatchNotFound):
        cancel_batch(caller=Caller(make_user()), public_id=name, now=later)
    assert cancel_batch(caller=Caller(guest), public_id=name, now=later).state == "cancelling"
    assert list(Job.objects.open()) == [running]
    assert Job.objects.get(pk=running.pk).cancel_requested
    assert cancel_batch(caller=Caller(guest), public_id=name, now=later).cancelling_at == later
    assert go_on(batch, later).state == "cancelling"
    fail_job(
        job_id=running.pk, attempt=running.attempt, error="", now=later, state=Job.State.CANCELLED
    )
    go_on(batch, later)
    assert (batch.state, batch.cancelled_at) == ("cancelled", later)
    assert (batch.total, batch.completed, batch.failed) == (6, 1, 5)
    assert set(codes(batch.error_file_id).values()) == {"batch_cancelled"}
    assert {line["response"] for line in written(batch.error_file_id)} == {None}
    with pytest.raises(BatchHasEnded):
        cancel_batch(caller=Caller(guest), public_id=name, now=later)


def test_one_that_was_not_read_yet_is_cancelled_too(hosted, guest, now):
    batch = make_batch(guest, [request_line(hosted)], now=now)
    cancel_batch(caller=Caller(guest), public_id=spelt(BATCH_PREFIX, batch.pk), now=now)
    go_on(batch, now)
    assert (batch.state, batch.total) == ("cancelled", 0)
    assert not Job.objects.exists()


def test_after_a_day_the_rest_expires(submit, answer, now):
    batch = submit(3)
    answer()
    end = now + DAY
    sweep(now=end - timedelta(seconds=1))
    go_on(batch, end - timedelta(seconds=1))
    assert (batch.state, batch.completed) == ("in_progress", 1)
    go_on(batch, end)
    assert (batch.state, batch.expired_at, batch.completed) == ("expired", end, 1)
    assert list(codes(batch.error_file_id).values()) == ["batch_expired"] * 2


@pytest.mark.parametrize("how", ["grant", "token"])
def test_access_that_ends_fails_the_rest(submit, answer, guest, hosted, now, settings, how):
    settings.BATCH_OPEN_LINES = 1
    token, _ = make_token(guest, now=now)
    batch = submit(3, token=token)
    answer()
    if how == "token":
        revoke_token(owner=guest, token_id=token.pk, now=now)
    else:
        grant = guest.grants.get()
        administrator = make_reviewer(hosted, role=TeamMember.Role.ADMINISTRATOR)
        revoke_grant(actor=administrator, grant_id=grant.pk, reason="Misuse.", now=now)
    later = now + timedelta(minutes=1)
    go_on(batch, later)
    assert (batch.state, batch.completed, batch.failed) == ("completed", 1, 2)
    assert set(codes(batch.error_file_id).values()) == {"access_ended"}


def test_the_file_may_go_once_it_was_read(hosted, guest, answer, now):
    batch = make_batch(guest, [request_line(hosted)], now=now)
    name = spelt(FILE_PREFIX, batch.input_file_id)
    with pytest.raises(StoredFileInUse):
        delete_file(caller=Caller(guest), public_id=name)
    go_on(batch, now)
    delete_file(caller=Caller(guest), public_id=name)
    answer()
    assert go_on(batch, now).state == "completed"


def test_so_many_are_open_at_once(hosted, guest, now, settings):
    settings.MAX_OPEN_BATCHES = 1
    make_batch(guest, [request_line(hosted)], now=now)
    with pytest.raises(QuotaExceeded, match="1 batches open"):
        make_batch(guest, [request_line(hosted)], now=now)
    make_batch(make_guest(hosted), [request_line(hosted)], now=now)
