"""One's own batches are on pages of theirs: how far they are, what they used, and their files."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from portal.jobs.batches.advancing import advance_batch
from portal.jobs.batches.files import delete_file
from portal.jobs.batches.public_ids import BATCH_PREFIX, FILE_PREFIX, spelt
from portal.jobs.models import Batch
from portal.jobs.own.batches import ShownBatch
from portal.jobs.services import finish_job
from portal.jobs.services.running import JobResult
from portal.jobs.streaming.event_log import ChoiceEvent
from tests.factories.accounts import make_token
from tests.factories.batches import make_batch, request_line, written
from tests.factories.jobs import claim, make_guest
from tests.pages import as_shown

RESULT = JobResult(
    events=[ChoiceEvent(0, tokens=[7], text="a", finish_reason="length")],
    completion_tokens=1,
    engine_seconds=36.0,
)


@pytest.fixture
def guest(hosted, client):
    person = make_guest(hosted)
    client.force_login(person)
    return person


@pytest.fixture
def send(hosted, guest, now):
    def submit(count=4, lines=None, **more):
        requests = [request_line(hosted, str(number)) for number in range(count)]
        batch = make_batch(guest, lines or requests, now=now, **more)
        return go_on(batch, now)

    return submit


@pytest.fixture
def answer(hosted):
    def run(at):
        job = claim(hosted, now=at)
        finish_job(job_id=job.pk, attempt=job.attempt, result=RESULT, now=at)

    return run


def go_on(batch, at):
    advance_batch(batch.pk, at)
    return Batch.objects.get(pk=batch.pk)


def page_of(batch, more=""):
    return f"/jobs/batches/{spelt(BATCH_PREFIX, batch.pk)}{more}"


def shown(client, address):
    return as_shown(client.get(address).text)


def test_who_has_none_reads_how_to_send_one(client, guest):
    page = shown(client, "/jobs/batches")
    assert "You haven’t sent a batch yet" in page
    assert "client.batches.create(" in page


def test_a_running_batch_says_how_far_it_is_and_how_long_it_takes(
    client, send, answer, hosted, now
):
    batch = send()
    later = now + timedelta(minutes=12)
    for _ in range(3):
        answer(later)
    batch = go_on(batch, later)
    assert ShownBatch(batch, later).estimate == "4\u00a0minutes left at the pace so far"
    too_slow = now + timedelta(hours=23)
    assert "expires before" in ShownBatch(batch, too_slow).estimate
    for address in ("/jobs", "/jobs/batches", page_of(batch)):
        page = shown(client, address)
        assert "3 of 4 ended" in page
        assert hosted.full_name in page
        assert "data-live" in client.get(address).text


def test_one_that_waits_for_tomorrows_quota_says_so_instead_of_a_pace(
    client, send, answer, settings, now
):
    settings.DAILY_TOKENS = 30
    batch = send(20)
    for _ in range(batch.lines.filter(state="running").count()):
        answer(now + timedelta(minutes=1))
    batch = go_on(batch, now + timedelta(minutes=1))
    page = shown(client, page_of(batch))
    assert "The rest waits." in page
    assert "More from 00:00 UTC." in page
    assert ShownBatch(batch, now + timedelta(minutes=2)).estimate == ""
    assert "the rest waits" in shown(client, "/jobs/batches")


def test_the_menu_leads_to_jobs_and_these_to_batches_and_usage(client, guest):
    assert 'href="/jobs"' in client.get("/").text
    page = client.get("/jobs").text
    for address in ("/jobs/batches", "/usage"):
        assert f'href="{address}"' in page


def test_an_ended_batch_says_what_it_took_and_gives_its_files(client, send, answer, now):
    batch = send(1, metadata={"for": "a first try"})
    answer(now)
    batch = go_on(batch, now)
    page = client.get(page_of(batch)).text
    assert "1 of completions" in as_shown(page)
    assert "1 answered" in as_shown(page)
    assert "a first try" in page
    assert "data-live" not in page
    assert page_of(batch, "/error") not in page
    file = client.get(page_of(batch, "/output"))
    assert b"".join(file.streaming_content).count(b"\n") == len(written(batch.output_file_id))
    assert file.headers["Content-Disposition"].startswith("attachment; filename=")
    assert file.headers["Cache-Control"] == "no-store"


def test_a_file_that_was_deleted_is_offered_no_more(client, send, answer, guest, now):
    batch = send(1)
    answer(now)
    batch = go_on(batch, now)
    public_id = spelt(FILE_PREFIX, batch.output_file_id)
    delete_file(caller=batch.caller, public_id=public_id)
    assert page_of(batch, "/output") not in client.get(page_of(batch)).text
    assert client.get(page_of(batch, "/output")).status_code == 404


def test_answers_are_no_file_while_it_runs(client, send, answer, now):
    batch = send()
    answer(now)
    go_on(batch, now)
    assert client.get(page_of(batch, "/output")).status_code == 404
    assert client.get(page_of(batch, "/input")).status_code == 200


def test_errors_of_the_file_stand_with_their_lines(client, send):
    batch = send(lines=[b"{}", b"<b>no</b>"])
    page = client.get(page_of(batch)).text
    assert "Nothing of this batch ran." in as_shown(page)
    assert '<th scope="row" class="fit">2</th>' in page
    assert "custom_id must be a string" in as_shown(page)


def test_it_is_cancelled_once(client, send):
    batch = send()
    answer = client.post(page_of(batch, "/cancel"))
    assert answer.headers["Location"] == page_of(batch)
    batch.refresh_from_db()
    assert batch.state == "cancelling"
    assert page_of(batch, "/cancel") not in client.get(page_of(batch)).text
    go_on(batch, batch.created_at)
    refused = client.post(page_of(batch, "/cancel"), follow=True)
    assert "it is cancelled" in as_shown(refused.text)


def test_a_cancel_without_the_form_is_refused(send, guest):
    batch, strict = send(), Client(enforce_csrf_checks=True)
    strict.force_login(guest)
    assert strict.post(page_of(batch, "/cancel")).status_code == 403
    batch.refresh_from_db()
    assert batch.state == "in_progress"


@pytest.mark.parametrize("more", ["", "/input", "/cancel"])
def test_others_batches_do_not_exist(client, send, hosted, more):
    batch = send()
    client.force_login(make_guest(hosted))
    method = client.post if more == "/cancel" else client.get
    assert method(page_of(batch, more)).status_code == 404
    assert page_of(batch) not in client.get("/jobs/batches").text


def test_one_that_came_by_a_narrow_token_is_its_owners_too(client, guest, hosted, now):
    token, _ = make_token(guest, now=now, repo_ids=[hosted.pk])
    batch = make_batch(guest, [request_line(hosted)], now=now, token=token)
    assert client.get(page_of(batch)).status_code == 200


@pytest.mark.parametrize("address", ["/jobs", "/jobs/batches"])
def test_many_batches_cost_as_many_queries_as_one(
    client, send, settings, address, django_assert_max_num_queries
):
    settings.MAX_OPEN_BATCHES = 9
    send(1)
    client.get(address)
    with django_assert_max_num_queries(30) as few:
        client.get(address)
    for _ in range(4):
        send(1)
    with django_assert_max_num_queries(len(few)):
        client.get(address)


def test_pages_of_batches(client, guest, hosted, now, settings):
    settings.MAX_OPEN_BATCHES = 99
    for _ in range(26):
        make_batch(guest, [b"{}"], now=now)
    assert client.get("/jobs/batches").text.count("Reading the file") == 25
    assert client.get("/jobs/batches?page=2").text.count("Reading the file") == 1
    assert client.get("/jobs/batches?page=x").status_code == 200
