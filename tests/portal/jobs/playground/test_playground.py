from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.jobs import hosting
from portal.jobs.models import Job
from portal.jobs.services import finish_job
from portal.jobs.services.running import JobResult
from portal.jobs.streaming.event_log import ChoiceEvent, append
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.jobs import claim, make_guest, make_hosted, make_job
from tests.pages import as_shown
from tests.portal.jobs.playground.pages import PLAYGROUND, form

SETTINGS_KEPT = {"max_tokens": 8, "temperature": 1, "top_p": 1, "top_k": 0, "seed": 7}


@pytest.fixture
def guest(hosted, client):
    person = make_guest(hosted)
    client.force_login(person)
    return person


# --- who may


def test_a_stranger_is_asked_to_sign_in(client, hosted):
    page = client.get(PLAYGROUND).content.decode()
    assert "Sign in to try a hosted model" in page
    assert "<textarea" not in page


def test_who_has_no_access_learns_where_to_ask(client, hosted):
    client.force_login(make_user())
    page = client.get(PLAYGROUND).content.decode()
    assert reverse("access:start", args=hosted.full_name.split("/")) in page


def test_who_waits_learns_that_it_waits(client, hosted):
    person = make_user()
    make_request(hosted, person)
    client.force_login(person)
    assert "is with the reviewers" in client.get(PLAYGROUND).content.decode()


def test_where_nothing_is_hosted_it_says_so(client, db):
    assert "No model is hosted here yet" in client.get(PLAYGROUND).content.decode()


def test_a_private_model_is_not_named_to_strangers(client, db, model):
    repo = make_hosted(model, private=True)
    assert repo.name not in client.get(PLAYGROUND).content.decode()


# --- asking


def test_the_form_makes_a_job_and_leads_to_its_page(client, hosted, guest):
    response = client.post(PLAYGROUND, form(hosted, stop="\\n", seed="11"))
    job = Job.objects.get()
    assert response["Location"] == f"/playground/{job.pk}"
    assert (job.person, job.source, job.stream) == (guest, Job.Source.PLAYGROUND, True)
    assert job.params["stop"] == ["\n"]
    assert job.params["seed"] == 11


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("prompt", "", "Write a few words"),
        ("temperature", "3", "Temperature: give a number from 0 to 2"),
        ("top_p", "0", "top_p must be over 0"),
        ("min_p", "1.5", "Min-p: give a number from 0 to 1."),
        ("max_tokens", "5000", "maximum context length"),
        ("model", "no/such", "Select a valid choice"),
    ],
)
def test_an_error_keeps_what_was_typed(client, hosted, guest, field, value, said):
    changed = {"prompt": "Kept words", field: value}
    response = client.post(PLAYGROUND, form(hosted, **changed))
    assert response.status_code == 422
    page = response.content.decode()
    assert said in page
    assert field == "prompt" or "Kept words" in page
    assert not Job.objects.exists()


def test_a_model_that_is_loading_is_said_in_place(client, hosted, guest):
    hosting.stop_beating(hosted.full_name)
    response = client.post(PLAYGROUND, form(hosted))
    assert response.status_code == 422
    assert "No worker serves" in response.content.decode()


def test_the_quota_is_said_in_place(client, hosted, guest, settings):
    settings.DAILY_TOKENS = 20
    make_job(hosted, guest, now=timezone.now(), prompt=[5], max_tokens=19)
    page = client.post(PLAYGROUND, form(hosted)).content.decode()
    assert "More from 00:00 UTC" in page


def test_a_post_needs_the_csrf_token(hosted, guest, client):
    client.handler.enforce_csrf_checks = True
    assert client.post(PLAYGROUND, form(hosted)).status_code == 403


# --- the job's page


@pytest.fixture
def job(hosted, guest):
    made = make_job(hosted, guest, now=timezone.now(), stream=True, logprobs=2, prompt="It's <b>")
    claim(hosted, now=timezone.now())
    return made


def token(job, position, text, logprob=-1.0):
    entries = [[7, logprob, text], [8, -0.4, "other"]]
    offset = position * 4
    return ChoiceEvent(0, position, offset, [7], text, logprobs=[entries])


def test_the_page_shows_what_there_is_so_far(client, job):
    append([(job.pk, token(job, 0, " <i>", -4.0))])
    page = client.get(f"/playground/{job.pk}").content.decode()
    assert "It&#x27;s &lt;b&gt;" in page, "the prompt, escaped"
    assert 'data-lp="4">&lt;i&gt;' in page
    assert re.search(r'data-events="/playground/[^"]+/events\?after=\d+-\d+:\d+:\d+"', page)
    assert f'action="/playground/{job.pk}/stop"' in page
    assert "style=" not in page
    assert "<script>" not in page


def test_an_ended_job_shows_words_figures_code_and_terms(client, job):
    events = [
        ChoiceEvent(
            0,
            tokens=[7, 2],
            text="abc",
            logprobs=[[[7, -0.1, "abc"], [8, -3.0, "x"]], [[2, -1.0, "</s>"]]],
            finish_reason="stop",
        )
    ]
    result = JobResult(events=events, completion_tokens=2, engine_seconds=2.0)
    finish_job(job_id=job.pk, attempt=1, result=result, now=timezone.now())
    page = as_shown(client.get(f"/playground/{job.pk}").text)
    for part in ("estimated", "The same as a table", "OpenAI(", "hf download", "2 tokens"):
        assert part in page
    assert "Licensed under the Noncommercial Research Licence." in page
    assert "data-events" not in page
    fragment = client.get(f"/playground/{job.pk}?part=result").content.decode()
    assert "<html" not in fragment
    assert 'id="result"' in fragment


def test_others_jobs_are_not_found(client, job):
    client.force_login(make_user())
    for path in ("", "/events"):
        assert client.get(f"/playground/{job.pk}{path}").status_code == 404
    assert client.post(f"/playground/{job.pk}/stop").status_code == 404
    assert client.get(f"/playground/{uuid4()}").status_code == 404


def test_a_stranger_is_sent_to_sign_in(client, job):
    client.logout()
    assert client.get(f"/playground/{job.pk}").status_code == 302
    assert client.get("/jobs").status_code == 302
    assert client.get(f"/playground/{job.pk}/events").status_code == 404


def test_stopping_asks_the_worker(client, job):
    response = client.post(f"/playground/{job.pk}/stop")
    assert response["Location"] == f"/playground/{job.pk}"
    job.refresh_from_db()
    assert job.cancel_requested


def test_stopping_what_has_ended_says_so(client, job):
    finish_job(job_id=job.pk, attempt=1, result=JobResult(), now=timezone.now())
    page = client.post(f"/playground/{job.pk}/stop", follow=True).content.decode()
    assert "has ended already" in page


def test_a_job_is_run_again_as_it_was(client, hosted, guest):
    """What was set stands in the form, and is sent from there; what the form lacks is said."""
    client.post(PLAYGROUND, form(hosted, repetition_penalty="1.3", min_p="0.05"))
    job = Job.objects.get()
    page = as_shown(client.get(f"/playground/{job.pk}").text)
    assert "<details open><summary>More sampling settings" in page
    for name, value in (("repetition_penalty", 1.3), ("min_p", 0.05), ("presence_penalty", 0)):
        assert float(re.search(rf'name="{name}" value="([^"]+)"', page)[1]) == value
        assert job.params[name] == value
    assert "Set by a program" not in page


def test_any_number_that_a_program_may_send_is_taken(client, hosted, guest):
    numbers = {"temperature": 0.731, "top_p": 0.9734, "min_p": 0.0123, "presence_penalty": 0.377}
    client.post(PLAYGROUND, form(hosted, **numbers))
    params = Job.objects.get().params
    assert {name: params[name] for name in numbers} == numbers
    page = client.get(PLAYGROUND).content.decode()
    for name in numbers:  # else the browser refuses it
        assert 'step="any"' in re.search(rf'<input[^>]*name="{name}"[^>]*>', page)[0]


def test_what_few_set_is_folded_away(client, hosted, guest):
    client.post(PLAYGROUND, form(hosted))
    for path in ("", f"/{Job.objects.get().pk}"):
        page = as_shown(client.get(f"{PLAYGROUND}{path}").text)
        assert "<details><summary>More sampling settings" in page


def test_a_wrong_setting_among_them_is_shown(client, hosted, guest):
    page = as_shown(client.post(PLAYGROUND, form(hosted, repetition_penalty="0")).text)
    assert "<details open><summary>More sampling settings" in page
    assert "Repetition penalty: give a number from 0.01 to 100." in page


def test_what_a_program_set_is_on_the_page_and_in_its_code(client, hosted, guest):
    job = make_job(
        hosted,
        guest,
        now=timezone.now(),
        n=2,
        best_of=3,
        min_tokens=4,
        repetition_penalty=1.3,
        logit_bias={"5": -100},
        stop=["a" * 7600, "b"],
    )
    page = client.get(f"/playground/{job.pk}").content.decode()
    said = page.split("Set by a program")[1].split("</p>")[0]
    for text in ("n = 2", "best_of = 3", "min_tokens = 4", "logit_bias = {&quot;5&quot;: -100.0}"):
        assert f"<code>{text}</code>" in said
    assert "repetition_penalty" not in said, "the form has it"
    assert "stop = [&quot;aaa" in said
    assert len(said) < 1000
    python = page.split("from openai import OpenAI")[1].split("</pre>")[0]
    assert "best_of=3" in python
    assert "extra_body={&#x27;min_tokens&#x27;: 4, &#x27;repetition_penalty&#x27;: 1.3}" in python


def test_one_text_of_many_is_said_to_be_one(client, hosted, guest):
    for fields, said in (({}, False), ({"n": 2}, True), ({"prompt": ["a", "b"]}, True)):
        job = make_job(hosted, guest, now=timezone.now(), **fields)
        page = client.get(f"/playground/{job.pk}").content.decode()
        assert ("The first of 2 texts is shown" in page) == said


def test_the_page_names_the_revision_that_wrote_it_and_another_that_is_hosted_now(
    client, job, hosted
):
    path, link = f"/playground/{job.pk}", f'href="/{hosted.full_name}?revision='
    page = client.get(path).content.decode()
    assert f"{link}{job.revision.commit}" in page
    assert "is hosted now" not in page
    hosting.beat(hosted.full_name, state=hosting.READY, commit="f" * 40)
    page = as_shown(client.get(path).text)
    assert f"{link}{job.revision.commit}" in page
    assert f"{link}{'f' * 40}" in page
    assert "is hosted now: it may write something else" in page


def test_the_page_of_a_job_whose_words_are_gone_stands(client, job):
    finish_job(job_id=job.pk, attempt=1, result=JobResult(), now=timezone.now())
    Job.objects.update(prompts=[], params={"logprobs": None, **SETTINGS_KEPT})
    assert client.get(f"/playground/{job.pk}").status_code == 200
    assert client.get("/jobs").status_code == 200


# --- the list


def test_ones_jobs_are_listed(client, job, hosted):
    make_job(hosted, now=timezone.now())
    page = client.get("/jobs").content.decode()
    assert page.count('href="/playground/') == 1
    assert "Running" in page


def test_an_empty_list_says_what_to_do(client, hosted, guest):
    assert "You haven’t run anything yet" in client.get("/jobs").content.decode()
