"""The fields of a chat: each is honoured, or refused by its name."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.utils import timezone

from portal.jobs.chat.answers import ChatReply
from portal.jobs.chat.schemas import parse_chat
from portal.jobs.errors import BadParameter
from portal.jobs.hosting import hosted_model
from portal.jobs.models import Job
from portal.jobs.streaming.event_log import ChoiceEvent
from tests.factories.accounts import make_token
from tests.factories.jobs import make_guest
from tests.factories.llamas import CONTEXT_LENGTH
from tests.portal.jobs.chat.conftest import SAYS, answered

SOUND = {"model": "a/b", "messages": SAYS}


def test_the_fields_become_those_of_a_completion():
    chat, completion = parse_chat(
        {**SOUND, "max_completion_tokens": 9, "max_tokens": 5, "n": 2, "stop": "\n", "seed": 3,
         "temperature": 0, "logprobs": True, "top_logprobs": 2, "stream": True,
         "stream_options": {"include_usage": True}, "chat_template_kwargs": {"a": 1},
         "response_format": {"type": "json_object"}, "tools": [], "user": "x"}
    )  # fmt: skip
    assert (chat.most_tokens, chat.chat_template_kwargs) == (9, {"a": 1})
    assert (completion.max_tokens, completion.n, completion.stop) == (9, 2, ("\n",))
    assert (completion.seed, completion.temperature, completion.logprobs) == (3, 0, 2)
    assert completion.stream
    assert completion.include_usage
    assert completion.structure == {"json_object": True}


def test_contents_in_parts_are_joined():
    parts = [{"type": "text", "text": "The "}, {"type": "text", "text": "water?"}]
    chat, _ = parse_chat({**SOUND, "messages": [{"role": "user", "content": parts}]})
    assert chat.messages[0].content == "The water?"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("messages", []),
        ("messages", "hello"),
        ("messages", [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]),
        ("messages", [{"role": "nobody", "content": "x"}]),
        ("messages", [{"content": "x"}]),
        ("messages", [{"role": "user", "content": "x"}] * 1001),
        ("max_completion_tokens", 0),
        ("max_tokens", -1),
        ("logprobs", 2),
        ("top_logprobs", 2),
        ("functions", [{"name": "f"}]),
        ("function_call", {"name": "f"}),
        ("audio", {"voice": "x"}),
        ("modalities", ["audio"]),
        ("echo", True),
        ("prompt_logprobs", 1),
        ("capture", [{"site": "output"}]),
        ("response_format", {"type": "xml"}),
        ("response_format", {"type": "json_schema"}),
        ("structured_outputs", {"regex": "a", "choice": ["b"]}),
        ("n", 0),
        ("continue_final_message", True),
    ],
)
def test_what_is_wrong_or_not_offered_is_refused_by_name(field, value):
    with pytest.raises(BadParameter) as refused:
        parse_chat({**SOUND, field: value})
    assert refused.value.field == field


def test_the_prompt_is_what_the_template_writes_without_tokens_of_the_tokenizers_own(hosted, ask):
    job = ask(max_tokens=4)
    tokenizer = hosted_model(job.revision).tokenizer
    [prompt] = job.prompts
    assert tokenizer.decode(prompt, special_tokens=True) == "</s>user: The water?\nassistant: "
    assert (prompt.count(2), job.params["max_tokens"]) == (1, 4)


def test_without_a_length_there_is_as_much_as_there_is_room_for(ask):
    job = ask()
    assert job.params["max_tokens"] == CONTEXT_LENGTH - job.prompt_tokens
    assert job.reserved_tokens == CONTEXT_LENGTH


def test_messages_that_leave_no_room_are_refused(ask):
    for fields in (
        {"max_tokens": CONTEXT_LENGTH},
        {"messages": [{"role": "user", "content": "x" * 300}]},
    ):
        with pytest.raises(BadParameter) as refused:
            ask(**fields)
        assert refused.value.code == "context_length_exceeded"
    assert not Job.objects.exists()


EVENT = ChoiceEvent(
    0, 0, 0, [264, 2], " the", [[[264, -0.5, " the"], [9, -0.1, "&"], [8, -3.0, "%"]],
    [[2, -0.2, "</s>"]]], finish_reason="stop",
)  # fmt: skip


def test_an_answer_has_openais_form(hosted, ask):
    job = ask(max_tokens=4, logprobs=True, top_logprobs=2)
    answered(job, hosted, EVENT)
    answer = json.loads(ChatReply(job, hosted_model(job.revision)).whole(job))
    assert answer["object"] == "chat.completion"
    assert answer["id"] == f"chatcmpl-{job.pk.hex}"
    [choice] = answer["choices"]
    assert choice["message"] == {"role": "assistant", "content": " the", "refusal": None}
    assert choice["finish_reason"] == "stop"
    first, end = choice["logprobs"]["content"]
    assert (first["token"], first["logprob"]) == (" the", -0.5)
    assert [entry["token"] for entry in first["top_logprobs"]] == ["&", " the"]
    assert end["token"] == "</s>"
    assert answer["usage"]["total_tokens"] == job.prompt_tokens + 2


def test_a_stream_says_once_who_speaks(hosted, ask):
    job = ask(max_tokens=4, stream=True)
    reply = ChatReply(job, hosted_model(job.revision))
    chunks = [
        reply.chunk(ChoiceEvent(0, 0, 0, [5], "a")),
        reply.chunk(ChoiceEvent(0, 1, 1, [6], "b", finish_reason="length")),
    ]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert [chunk["choices"][0]["delta"] for chunk in chunks] == [
        {"role": "assistant", "content": "a"}, {"content": "b"},
    ]  # fmt: skip
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"


def test_others_methods_and_strangers_are_refused(hosted):
    _, secret = make_token(make_guest(hosted), now=timezone.now())
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/v1/chat/completions", headers=headers).status_code == 405
    body = json.dumps({"model": hosted.full_name, "messages": SAYS})
    assert Client().post("/v1/chat/completions", body, "application/json").status_code == 401
