"""Batches of chats: the lines of /v1/chat/completions, as OpenAI’s batch API has them."""

from __future__ import annotations

import json

import pytest
from openai.types.chat import ChatCompletion

from portal.jobs.batches.advancing import advance_batch
from portal.jobs.batches.collecting import collect
from portal.jobs.disclosure.texts import texts_of
from portal.jobs.models import Batch, Job
from portal.redis_client import redis_client
from tests.factories.batches import make_batch, request_line, written
from tests.factories.jobs import make_guest, make_hosted
from tests.factories.llamas import TOOL_TEMPLATE, tiny_llama

CHAT = "/v1/chat/completions"
SAYS = [{"role": "user", "content": "The \0 water?"}]
TOOLS = [{"type": "function", "function": {"name": "sluice"}}]


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    return tiny_llama(tmp_path_factory.mktemp("batched") / "model", TOOL_TEMPLATE)


@pytest.fixture
def hosted(db, llama):
    redis_client().flushdb()
    return make_hosted(llama, tool_parser="hermes")


@pytest.fixture
def guest(hosted):
    return make_guest(hosted)


def chat_line(hosted, custom_id, **body):
    fields = {"model": hosted.full_name, "messages": SAYS, "max_tokens": 3, **body}
    return {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": fields}


@pytest.fixture
def send(guest, now):
    def submit(*lines, endpoint=CHAT):
        batch = make_batch(guest, list(lines), now=now, endpoint=endpoint)
        advance_batch(batch.pk, now)
        return Batch.objects.get(pk=batch.pk)

    return submit


def test_chats_are_answered_as_the_endpoint_answers_them(hosted, send, answer, now):
    batch = send(chat_line(hosted, "a"), chat_line(hosted, "b", tools=TOOLS))
    assert batch.state == "in_progress"
    jobs = list(Job.objects.filter(batch=batch))
    assert all(job.chat["messages"] == SAYS for job in jobs)
    while answer():
        pass
    advance_batch(batch.pk, now)
    batch.refresh_from_db()
    assert (batch.state, batch.completed, batch.failed) == ("completed", 2, 0)
    lines = written(batch.output_file_id)
    assert {line["custom_id"] for line in lines} == {"a", "b"}
    for line in lines:
        body = line["response"]["body"]
        assert ChatCompletion.model_validate(body).choices[0].message.content == "ab\0"
        assert body["object"] == "chat.completion"
    for job in Job.objects.filter(batch=batch):
        assert (job.prompts, job.chat_json) == ([], "")


def test_a_lost_process_writes_no_answer_twice(hosted, send, answer, now):
    batch = send(*(chat_line(hosted, str(number)) for number in range(4)))
    answer()
    collect(batch.pk, now)
    collect(batch.pk, now)
    while answer():
        pass
    advance_batch(batch.pk, now)
    batch.refresh_from_db()
    assert sorted(line["custom_id"] for line in written(batch.output_file_id)) == list("0123")


@pytest.mark.parametrize("endpoint", [CHAT, "/v1/completions"])
def test_lines_of_another_endpoint_fail_the_batch(hosted, send, endpoint):
    batch = send(chat_line(hosted, "a"), request_line(hosted, "b"), endpoint=endpoint)
    assert batch.state == "failed"
    [error] = batch.errors
    assert (error["code"], error["param"]) == ("invalid_url", "url")
    assert f"url must be {endpoint}, which is the endpoint of the batch." in error["message"]
    assert error["line"] == (2 if endpoint == CHAT else 1)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "body.messages"),
        ({"stream": True}, "body.stream"),
        ({"tools": "x"}, "body.tools"),
        ({"capture": [{"site": "output"}]}, "body.capture"),
    ],
)
def test_a_wrong_line_is_named(hosted, send, body, param):
    batch = send(chat_line(hosted, "a", **body))
    assert [(error["line"], error["param"]) for error in batch.errors] == [(1, param)]


def test_what_only_the_model_refuses_is_that_lines_error(hosted, send, answer, now):
    long = [{"role": "user", "content": "x" * 300}]
    batch = send(chat_line(hosted, "a", messages=long), chat_line(hosted, "b"))
    answer()
    advance_batch(batch.pk, now)
    batch.refresh_from_db()
    assert (batch.completed, batch.failed) == (1, 1)
    [line] = written(batch.error_file_id)
    assert line["response"]["body"]["error"]["code"] == "context_length_exceeded"


def test_an_operator_who_may_reads_the_messages_in_the_files(hosted, send, answer, now):
    batch = send(chat_line(hosted, "a"))
    job = Job.objects.get(batch=batch)
    answer()
    advance_batch(batch.pk, now)
    job.refresh_from_db()
    [text] = texts_of(job)
    assert (text.prompt, text.outputs) == ("user: The \0 water?", ["ab\0"])
    assert json.dumps(text.prompt)
