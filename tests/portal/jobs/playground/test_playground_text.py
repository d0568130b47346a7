"""The playground is open to text alone, reads prompts as typed, and draws seeds anew."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.jobs.models import Job
from tests.factories.accounts import make_token
from tests.factories.grants import make_accepted, make_hold
from tests.factories.jobs import make_guest, make_hosted, make_waiting
from tests.portal.jobs.playground.pages import PLAYGROUND, form
from tests.portal.world import bearer

BOX = "Show log-probabilities"


@pytest.fixture
def guest(hosted, client):
    person = make_guest(hosted)
    client.force_login(person)
    return person


@pytest.fixture
def text_only(hosted, client):
    """Sign in somebody under the condition “Generated text only”."""
    conditions = {"no_logits": True}
    grant = make_accepted(hosted, modes=("inference",), conditions=conditions, now=timezone.now())
    client.force_login(grant.person)
    return grant.person


@pytest.fixture
def waiting(hosted, client):
    person = make_waiting(hosted, tokens_per_day=40, now=timezone.now())
    client.force_login(person)
    return person


def unticked(hosted, **changed):
    sent = form(hosted, **changed)
    del sent["logprobs"]
    return sent


# --- text alone


@pytest.mark.parametrize("who", ["text_only", "waiting"])
def test_who_may_have_text_alone_gets_it(client, hosted, request, who):
    request.getfixturevalue(who)
    assert BOX not in client.get(PLAYGROUND).content.decode()
    client.post(PLAYGROUND, form(hosted))  # as a page of before would send it
    assert Job.objects.get().params["logprobs"] is None


def test_who_may_not_look_inside_is_not_offered_to(client, hosted):
    grant = make_accepted(
        hosted, modes=("inference",), conditions={"no_captures": True}, now=timezone.now()
    )
    client.force_login(grant.person)
    page = client.get(PLAYGROUND).text
    assert BOX in page
    assert "Look inside" not in page
    client.post(PLAYGROUND, form(hosted, look_inside="on"))
    assert Job.objects.get().white_box is None


def test_log_probabilities_are_sent_where_they_are_chosen_and_not_else(client, hosted, guest):
    page = client.get(PLAYGROUND).content.decode()
    assert BOX in page
    for sent, logprobs in ((unticked(hosted), None), (form(hosted, logprobs="on"), 5)):
        client.post(PLAYGROUND, sent)
        assert Job.objects.first().params["logprobs"] == logprobs


def test_a_choice_that_the_other_model_does_not_allow_is_said_beside_it(
    client, hosted, text_only, model
):
    second = make_hosted(model)
    make_accepted(second, text_only, modes=("inference",), now=timezone.now())
    assert f"Open to you for {second.full_name}" in client.get(PLAYGROUND).content.decode()
    response = client.post(PLAYGROUND, form(hosted, prompt="Kept words"))
    page = response.content.decode()
    assert response.status_code == 422
    assert f"Text alone of {hosted.full_name} is open to you" in page
    assert "Kept words" in page
    assert client.post(PLAYGROUND, form(second)).status_code == 302


# --- the quota that holds


def test_who_waits_reads_the_quota_that_holds_for_them(client, hosted, waiting):
    client.post(PLAYGROUND, unticked(hosted, max_tokens="8"))
    used = Job.objects.get().reserved_tokens
    for page in (PLAYGROUND, f"{PLAYGROUND}/{Job.objects.get().pk}", "/jobs"):
        text = client.get(page).content.decode()
        assert f"{used} of 40 tokens of {hosted.full_name}, while your request is in review" in text
        assert "200,000" not in text


def test_past_it_what_was_typed_stays(client, hosted, waiting):
    client.post(PLAYGROUND, unticked(hosted, prompt="a", max_tokens="8"))
    never, later = ("60", "40 are all of a day’s while"), ("28", "10 of 40 tokens a day while")
    for most, said in (never, later):
        response = client.post(PLAYGROUND, unticked(hosted, prompt="Kept words", max_tokens=most))
        page = response.content.decode()
        assert response.status_code == 422
        assert f"{said} your request is in review" in page
        assert "Kept words" in page


def test_access_that_ended_meanwhile_is_said_beside_what_was_typed(client, hosted, guest):
    make_hold(guest, hosted, now=timezone.now())
    response = client.post(PLAYGROUND, form(hosted, prompt="Kept words"))
    page = response.content.decode()
    assert response.status_code == 422
    assert "Access has been suspended since" in page
    assert "Kept words" in page
    assert f'<a href="/{hosted.full_name}">' in page
    assert not Job.objects.exists()


# --- as typed


def test_a_prompt_reaches_the_model_as_typed_whichever_way_it_came(client, hosted, guest):
    typed = "The water\n\n    rises\n"
    client.post(PLAYGROUND, form(hosted, prompt=typed.replace("\n", "\r\n"), stop="\\n"))
    _, secret = make_token(guest, now=timezone.now())
    client.post(
        "/v1/completions",
        {"model": hosted.full_name, "prompt": typed, "max_tokens": 1, "stream": True},
        content_type="application/json",
        headers=bearer(secret),
    )
    by_page, by_program = Job.objects.order_by("created_at")
    assert by_page.prompts == by_program.prompts
    assert by_page.params["stop"] == ["\n"]
    page = client.get(f"{PLAYGROUND}/{by_page.pk}").content.decode()
    assert "\\n\\n    rises\\n" in page
    assert "\\r" not in page


# --- seeds


def test_running_again_draws_anew_where_the_seed_was_drawn(client, hosted, guest):
    client.post(PLAYGROUND, form(hosted))
    job = Job.objects.get()
    page = client.get(f"{PLAYGROUND}/{job.pk}").content.decode()
    seed = job.params["seed"]
    assert f"<code>{seed}</code>, drawn for this run" in page
    field = page.split('name="seed"')[1].split(">")[0]
    assert "value" not in field


def test_a_drawn_seed_is_used_again_by_an_act_of_its_own(client, hosted, guest):
    client.post(PLAYGROUND, form(hosted))
    seed = Job.objects.get().params["seed"]
    client.post(PLAYGROUND, form(hosted, seed_again=str(seed)))
    again = Job.objects.first()
    assert (again.params["seed"], again.seed_drawn) == (seed, False)
    page = client.get(f"{PLAYGROUND}/{again.pk}").content.decode()
    assert f'value="{seed}"' in page
    assert "drawn for this run" not in page
