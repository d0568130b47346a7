"""Chat in the playground: messages by their roles, answers, replies, and code to share."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from django.utils import timezone

from portal.jobs.models import Job
from portal.jobs.services.forgetting import forget
from portal.jobs.streaming.event_log import ChoiceEvent
from portal.redis_client import redis_client
from tests.factories.jobs import make_guest, make_hosted, make_job
from tests.factories.llamas import tiny_llama
from tests.pages import as_shown
from tests.portal.jobs.chat.conftest import answered
from tests.portal.jobs.playground.pages import PLAYGROUND, form

SAYS = {"role_0": "system", "content_0": "", "role_1": "user", "content_1": "The water?"}


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    return tiny_llama(tmp_path_factory.mktemp("talks") / "model")


@pytest.fixture
def talking(db, llama):
    redis_client().flushdb()
    return make_hosted(llama)


@pytest.fixture
def guest(talking, client):
    person = make_guest(talking)
    client.force_login(person)
    return person


def chat(talking, **changed):
    sound = form(talking, mode="chat", **SAYS)
    del sound["prompt"]
    return {**sound, **changed}


def sent(client, talking, **changed):
    client.post(PLAYGROUND, chat(talking, **changed))
    return Job.objects.latest("created_at")


def said(page):
    """Return the messages in the form, by their roles."""
    roles = re.findall(r'<option value="(\w+)" selected>', page)
    texts = re.findall(r'<textarea name="content_[^>]*>\n([^<]*)</textarea>', page)
    return list(zip([role for role in roles if "/" not in role], texts, strict=True))


def test_a_model_that_talks_is_talked_to_unless_one_wants_text(client, talking, guest):
    page = client.get(PLAYGROUND).text
    assert said(page) == [("system", ""), ("user", "")]
    assert 'name="prompt"' not in page
    text = client.get(PLAYGROUND, {"mode": "text"}).text
    assert 'name="prompt"' in text
    assert 'name="content_0"' not in text


def test_a_base_model_is_given_text_alone(client, hosted):
    client.force_login(make_guest(hosted))
    for mode in ("", "chat", "text"):
        page = client.get(PLAYGROUND, {"mode": mode}).text
        assert 'name="prompt"' in page
        assert 'aria-label="Modes"' not in page


def test_messages_make_a_job_as_a_chat_by_program_does(client, talking, guest):
    job = sent(client, talking, stop="\\n", seed="11")
    assert (job.source, job.stream) == (Job.Source.PLAYGROUND, True)
    assert job.chat["messages"] == [{"role": "user", "content": "The water?"}]
    assert (job.params["stop"], job.params["seed"], job.params["logprobs"]) == (["\n"], 11, 5)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"content_1": ""}, "Write a message for the model to answer."),
        ({"role_1": "assistant"}, "Write a message for the model to answer."),
        ({"role_1": "nobody"}, "Choose a role."),
        ({"content_1": "x" * 9000}, "Shorten it."),
        ({"max_tokens": "96"}, "Lower max_tokens."),
        ({"temperature": "3"}, "Temperature: give a number from 0 to 2."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(client, talking, guest, changed, words):
    response = client.post(PLAYGROUND, chat(talking, **changed))
    assert response.status_code == 422
    assert words in as_shown(response.text)
    if "content_1" not in changed:
        assert "The water?" in response.text
    assert not Job.objects.exists()


def test_many_messages_are_bounded(client, talking, guest):
    several = range(1, 300)
    many = {f"content_{n}": "x" for n in several} | {f"role_{n}": "user" for n in several}
    assert client.post(PLAYGROUND, chat(talking, **many)).status_code == 422
    assert not Job.objects.exists()


def test_the_page_of_a_chat_has_its_messages_and_its_answer(client, talking, guest):
    job = sent(client, talking)
    page = client.get(f"/playground/{job.pk}").text
    assert "Your reply" not in page
    answered(job, talking, ChoiceEvent(0, 0, 0, [264], " It rises.", finish_reason="stop"))
    page = client.get(f"/playground/{job.pk}").text
    assert said(page) == [("user", "The water?")]
    assert "It rises." in page
    assert "Your reply" in page
    assert 'class="given"' not in page


def test_a_reply_goes_on_with_the_answer(client, talking, guest):
    job = sent(client, talking)
    answered(job, talking, ChoiceEvent(0, 0, 0, [264], " It rises.", finish_reason="stop"))
    again = sent(client, talking, replies_to=str(job.pk), reply="By how much?")
    assert [(item["role"], item["content"]) for item in again.chat["messages"]] == [
        ("user", "The water?"), ("assistant", " It rises."), ("user", "By how much?"),
    ]  # fmt: skip


def test_an_empty_reply_is_asked_for_and_the_answer_stands_in_the_form(client, talking, guest):
    job = sent(client, talking)
    answered(job, talking, ChoiceEvent(0, 0, 0, [264], " It rises.", finish_reason="stop"))
    response = client.post(PLAYGROUND, chat(talking, replies_to=str(job.pk), reply=""))
    assert response.status_code == 422
    assert said(response.text)[1:] == [("assistant", " It rises."), ("user", "")]


def test_nobody_replies_to_what_is_forgotten_or_not_theirs(client, talking, guest):
    job = sent(client, talking)
    answered(job, talking, ChoiceEvent(0, 0, 0, [264], " It rises.", finish_reason="stop"))
    forget(Job.objects.filter(pk=job.pk))
    response = client.post(PLAYGROUND, chat(talking, replies_to=str(job.pk), reply="And?"))
    assert response.status_code == 422
    assert "isn’t kept any more" in as_shown(response.text)
    others = make_job(talking, make_guest(talking), now=timezone.now())
    response = client.post(PLAYGROUND, chat(talking, replies_to=str(others.pk), reply="And?"))
    assert response.status_code == 404
    assert Job.objects.of(guest).count() == 1


def test_a_chat_is_shared_as_code(client, talking, guest):
    job = sent(client, talking, seed="3")
    page = unescape(client.get(f"/playground/{job.pk}").text)
    curl = re.search(r"-d '(\{.*?\})'", page)
    body = json.loads(curl[1])
    assert "/v1/chat/completions" in page
    assert body["messages"] == [{"role": "user", "content": "The water?"}]
    assert (body["logprobs"], body["top_logprobs"], body["seed"]) == (True, 5, 3)
    assert "client.chat.completions.create(" in page
    assert "reply.choices[0].message.content" in page


def test_what_a_program_set_beside_the_messages_is_named(client, talking, guest):
    job = sent(client, talking)
    Job.objects.filter(pk=job.pk).update(
        chat_json=json.dumps({**job.chat, "chat_template_kwargs": {"thinking": True}})
    )
    page = unescape(client.get(f"/playground/{job.pk}").text)
    assert 'chat_template_kwargs = {"thinking": true}' in page
