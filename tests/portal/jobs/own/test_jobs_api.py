"""Programs list, stop and run again the jobs of their owner, by tokens that may prompt."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from portal.jobs.models import Job
from tests.factories.jobs import make_ended, make_guest, make_hosted, make_job
from tests.portal.api.api_calls import by_token, code_of, fields_of, in_session

JUNE, JULY = datetime(2026, 6, 30, 23, 59, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def guest(hosted):
    return make_guest(hosted)


@pytest.fixture
def api(guest):
    return by_token(guest, "infer")


def ids(response):
    return [row["id"] for row in response.json()["results"]]


def test_ones_jobs_are_listed_the_newest_first(hosted, guest, api):
    june, july = make_ended(hosted, guest, JUNE), make_ended(hosted, guest, JULY)
    make_ended(hosted, make_guest(hosted), JULY)
    assert ids(api.get("jobs")) == [str(july.pk), str(june.pk)]
    page = api.get("jobs", limit=1).json()
    assert (page["count"], [row["id"] for row in page["results"]]) == (2, [str(july.pk)])
    assert "page=2" in page["next"]


def test_a_row_has_figures_and_no_words(hosted, guest, api):
    job = make_job(hosted, guest, now=timezone.now(), prompt="The secret water", stop="weir")
    shown = api.get(f"jobs/{job.pk}")
    row = shown.json()
    assert (row["model"], row["state"], row["has_prompt"]) == (hosted.full_name, "queued", True)
    assert row["revision"] == job.revision.commit
    assert not {"prompts", "params", "result_json"} & row.keys()
    assert row == api.get("jobs").json()["results"][0]
    for word in ("secret", "weir", str(job.prompts[0])):
        assert word not in shown.text


def test_filters_choose_as_on_the_page(hosted, guest, api, model):
    june = make_ended(hosted, guest, JUNE)
    july = make_ended(make_hosted(model), guest, JULY, state="failed", error="Why")
    for chosen in ({"last": "2026-06-30"}, {"state": "cancelled"}, {"model": hosted.full_name}):
        assert ids(api.get("jobs", **chosen)) == [str(june.pk)]
    assert ids(api.get("jobs", first="2026-07-01", state="failed", source="api")) == [str(july.pk)]
    assert ids(api.get("jobs", model="no/model")) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "dead"}, "state"),
        ({"source": "moon"}, "source"),
        ({"model": "m" * 201}, "model"),
        ({"first": "yesterday"}, "first"),
        ({"first": "2026-07-02", "last": "2026-07-01"}, "last"),
        ({"page": "0"}, "page"),
        ({"person": "me"}, "person"),
    ],
    ids=["state", "source", "model", "first", "last", "page", "unknown"],
)
def test_a_wrong_filter_is_named(api, query, field):
    refused = api.get("jobs", **query)
    assert (refused.status_code, fields_of(refused)) == (400, {field})


def test_a_long_list_costs_as_many_queries_as_a_short_one(
    hosted, guest, django_assert_max_num_queries
):
    session = in_session(guest)
    for _ in range(2):
        make_job(hosted, guest, now=timezone.now())
    with django_assert_max_num_queries(8) as few:
        session.get("jobs")
    for _ in range(20):
        make_ended(hosted, guest)
    with django_assert_max_num_queries(len(few)):
        assert len(ids(session.get("jobs"))) == 22


def test_a_job_is_stopped_once(hosted, guest, api):
    job = make_job(hosted, guest, now=timezone.now())
    assert api.post(f"jobs/{job.pk}/cancel").json()["state"] == "cancelled"
    refused = api.post(f"jobs/{job.pk}/cancel")
    assert (refused.status_code, code_of(refused)) == (409, "invalid_transition")


def test_a_job_is_run_again(hosted, guest, api):
    job = make_job(hosted, guest, now=timezone.now(), seed=7)
    made = api.post(f"jobs/{job.pk}/again")
    new = Job.objects.exclude(pk=job.pk).get()
    assert (made.status_code, made.json()["id"]) == (201, str(new.pk))
    assert (new.prompts, new.source) == (job.prompts, "api")
    assert new.params["seed"] != 7
    Job.objects.filter(pk=job.pk).update(prompts=[])
    refused = api.post(f"jobs/{job.pk}/again")
    assert (refused.status_code, code_of(refused)) == (409, "prompt_forgotten")


def test_others_jobs_and_words_that_are_no_ids_are_not_there(hosted, guest, api):
    theirs = make_job(hosted, make_guest(hosted), now=timezone.now())
    for job_id in (theirs.pk, "7", "x" * 32):
        assert api.get(f"jobs/{job_id}").status_code == 404
        for act in ("cancel", "again"):
            assert api.post(f"jobs/{job_id}/{act}").status_code == 404


def test_a_token_needs_the_scope_and_sees_its_models_alone(hosted, guest, model):
    other = make_hosted(model)
    here, there = make_ended(hosted, guest), make_ended(other, guest)
    narrowed = by_token(guest, "infer", repo_ids=[other.pk])
    assert ids(narrowed.get("jobs")) == [str(there.pk)]
    assert narrowed.post(f"jobs/{here.pk}/again").status_code == 404
    downloading = by_token(guest, "download")
    for answer in (downloading.get("jobs"), downloading.post(f"jobs/{there.pk}/again")):
        assert (answer.status_code, code_of(answer)) == (403, "scope")
