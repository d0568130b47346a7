"""One's own jobs are listed as the address asks, with what they used in all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from portal.jobs.models import Job
from portal.jobs.services import finish_job
from portal.jobs.services.running import JobResult
from tests.factories.jobs import claim, make_ended, make_guest, make_hosted, make_job
from tests.pages import as_shown

JUNE, JULY = datetime(2026, 6, 30, 23, 59, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def guest(hosted, client):
    person = make_guest(hosted)
    client.force_login(person)
    return person


def listed(client, query=""):
    """Return the jobs on the page, as the links to them say."""
    page = client.get(f"/jobs{query}")
    return {job for job in Job.objects.all() if f'href="/playground/{job.pk}"' in page.text}


@pytest.mark.parametrize(
    "query",
    [
        "?state=failed",
        "?source=playground",
        "?first=2026-07-01",
        "?last=2026-07-01&first=2026-07-01&state=&model=",
    ],
)
def test_a_filter_in_the_address_chooses(client, hosted, guest, query):
    make_ended(hosted, guest, JUNE)
    july = make_ended(hosted, guest, JULY, state="failed", error="Why", source="playground")
    make_ended(hosted, make_guest(hosted), JULY, state="failed", error="Why", source="playground")
    assert listed(client, query) == {july}


def test_days_are_whole_in_utc(client, hosted, guest):
    june, july = make_ended(hosted, guest, JUNE), make_ended(hosted, guest, JULY)
    assert listed(client, "?last=2026-06-30") == {june}
    assert listed(client, "?first=2026-07-01") == {july}
    assert listed(client, "?first=0001-01-01&last=9999-12-31") == {june, july}


def test_a_model_is_chosen_among_those_used(client, hosted, guest, model):
    other = make_hosted(model)
    here, there = make_ended(hosted, guest), make_ended(other, guest)
    assert listed(client, f"?model={hosted.full_name}") == {here}
    assert listed(client, f"?model={other.full_name}") == {there}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?state=dead", "Choose a state"),
        ("?source=moon", "Choose a source"),
        ("?model=no/model", "You have run nothing on this model"),
        ("?first=yesterday", "From: give a day, such as 2026-11-30."),
        ("?last=2026-02-31", "To: give a day, such as 2026-11-30."),
        ("?first=2026-07-02&last=2026-07-01", "The last day is before the first"),
    ],
    ids=["state", "source", "model", "word", "no-day", "reversed"],
)
def test_a_wrong_filter_is_named_and_chooses_nothing(client, hosted, guest, query, said):
    job = make_ended(hosted, guest, datetime(2026, 8, 1, tzinfo=UTC))
    page = client.get(f"/jobs{query}")
    assert page.status_code == 422
    assert said in as_shown(page.text)
    assert listed(client, query) == {job}


@pytest.mark.parametrize("number", ["0", "-1", "x", "99999999999999999999"])
def test_a_page_that_is_none_is_another(client, hosted, guest, number):
    make_ended(hosted, guest)
    assert client.get(f"/jobs?page={number}").status_code == 200


def test_what_is_chosen_is_added_up(client, hosted, guest):
    for meter in ("rapl", ""):
        make_ended(hosted, guest, JULY, meter=meter)
    make_ended(hosted, guest, JUNE, currency="USD")
    page = as_shown(client.get("/jobs?first=2026-07-01").text)
    assert "2 jobs: 20 prompt tokens, 10 completion tokens, 4.0000 Wh (partly measured)" in page
    assert "6.0000 EUR" in page
    assert "USD" not in page
    assert "3.0000 USD" in as_shown(client.get("/jobs").text)


def test_pages_keep_the_filters(client, hosted, guest):
    for _ in range(26):
        make_ended(hosted, guest, JULY)
    page = client.get("/jobs?first=2026-07-01").text
    assert 'href="?first=2026-07-01&amp;page=2"' in page
    assert len(listed(client, "?first=2026-07-01&page=2")) == 1


def test_a_choice_of_none_is_no_empty_list(client, hosted, guest):
    assert "You haven’t run anything yet" in client.get("/jobs").text
    make_ended(hosted, guest)
    page = client.get("/jobs?state=failed").text
    assert "No job matches" in page
    assert "You haven’t run anything yet" not in page


def test_a_long_list_costs_as_many_queries_as_a_short_one(
    client, hosted, guest, django_assert_max_num_queries
):
    make_ended(hosted, guest)
    with django_assert_max_num_queries(30) as few:
        client.get("/jobs")
    for _ in range(20):
        make_ended(hosted, guest)
    with django_assert_max_num_queries(len(few)):
        client.get("/jobs")


def test_a_waiting_job_is_stopped_from_its_place_in_the_list(client, hosted, guest):
    job = make_job(hosted, guest, now=timezone.now())
    place = "?state=queued&page=2"
    page = client.get(f"/jobs{place.split('&')[0]}").text
    assert f'action="/jobs/{job.pk}/cancel?state=queued"' in page
    response = client.post(f"/jobs/{job.pk}/cancel{place}")
    assert response["Location"] == f"/jobs{place}#state-{job.pk}"
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    again = client.post(f"/jobs/{job.pk}/cancel", follow=True).text
    assert "has ended already" in again


def test_a_job_that_stops_has_no_button(client, hosted, guest):
    job = make_job(hosted, guest, now=timezone.now())
    claim(hosted, now=timezone.now())
    client.post(f"/jobs/{job.pk}/cancel")
    page = client.get("/jobs").text
    assert "Stopping" in page
    assert f"/jobs/{job.pk}/" not in page


def test_only_what_is_kept_can_be_run_again(client, hosted, guest):
    job = make_job(hosted, guest, now=timezone.now())
    claim(hosted, now=timezone.now())
    finish_job(job_id=job.pk, attempt=1, result=JobResult(), now=timezone.now())
    assert f'action="/jobs/{job.pk}/again"' in client.get("/jobs").text
    response = client.post(f"/jobs/{job.pk}/again")
    new = Job.objects.exclude(pk=job.pk).get()
    assert response["Location"] == f"/playground/{new.pk}"
    Job.objects.filter(pk=job.pk).update(prompts=[])
    page = client.get("/jobs?state=succeeded").text
    assert "Prompt not kept" in page
    assert "/again" not in page
    refused = client.post(f"/jobs/{job.pk}/again?state=succeeded", follow=True)
    assert refused.redirect_chain[0][0] == f"/jobs?state=succeeded#state-{job.pk}"
    assert "isn’t kept any more" in as_shown(refused.text)


def test_anothers_job_is_neither_stopped_nor_run_again(client, hosted, guest):
    job = make_job(hosted, make_guest(hosted), now=timezone.now())
    for act in ("cancel", "again"):
        assert client.post(f"/jobs/{job.pk}/{act}").status_code == 404
    assert Job.objects.get().state == Job.State.QUEUED
