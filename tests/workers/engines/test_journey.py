"""From a folder to answers of OpenAI's client, with the web and the worker as real processes."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import openai
import pytest
from django.conf import settings as site
from django.core.management import call_command
from django.utils import timezone

from portal import process_commands
from portal.audit.models import AuditEvent
from portal.jobs import hosting
from portal.jobs.batches.advancing import advance_batches
from portal.redis_client import redis_client
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo
from tests.factories.jobs import make_guest, tiny_model
from tests.factories.llamas import CHAT_TEMPLATE, TOOL_TEMPLATE, tiny_llama
from tests.hosts.daemons import Daemon
from tests.inference.engines.conftest import NO_VLLM, VLLM
from tests.inference.engines.test_vllm_process import descendants
from tests.live import free_port
from tests.soak.hosted.servers import environment_of
from tests.waiting import wait_until

START_SECONDS = 240
TOOLS = [{"type": "function", "function": {"name": "sluice", "parameters": {
    "type": "object", "properties": {"open": {"type": "boolean"}}, "required": ["open"],
    "additionalProperties": False}}}]  # fmt: skip
NAMED = {"type": "function", "function": {"name": "sluice"}}
CALL = '<tool_call>{"name": "sluice", "arguments": {"open": true}}</tool_call>'
SAYS = [{"role": "user", "content": "Does the sluice open?"}]
ARGS = "--enforce-eager --max-model-len 96 --dtype float32"


@contextmanager
def process(name, command, folder, environment):
    daemon = Daemon(name, [sys.executable, *command], folder / f"{name}.txt", environment)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture(
    params=[
        "native",
        pytest.param("vllm", marks=pytest.mark.skipif(not VLLM, reason=NO_VLLM)),
    ]
)
def engine(request):
    return request.param


@pytest.fixture
def folder(engine, tmp_path):
    if engine == "vllm":
        prompt = f"tools: sluice\nuser: {SAYS[0]['content']}\nassistant: "
        return tiny_llama(tmp_path / "in", TOOL_TEMPLATE, (prompt, CALL))
    made = tiny_model(tmp_path / "in")
    (made / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    return made


@pytest.fixture
def served(engine, folder, tmp_path, settings, transactional_db):
    """Publish and host a model, start web and worker, and return its name and a client."""
    settings.VAR = tmp_path / "var"
    settings.VLLM, settings.VLLM_ARGS = (
        (VLLM, tuple(ARGS.split())) if engine == "vllm" else ("", ())
    )
    redis_client().flushdb()
    operator, repo = make_user("operator", superuser=True), make_repo("model")
    call_command("publish", folder, "--repo", repo.full_name, "--as", "operator", "--licensor")
    call_command("host", repo.full_name, "--as", operator.username)
    _, secret = make_token(make_guest(repo), now=timezone.now())
    base_url = f"http://127.0.0.1:{(port := free_port())}"
    more = {
        "WEIGHTGATE_ENGINE": engine, "WEIGHTGATE_HOSTED_MODEL": repo.full_name,
        "WEIGHTGATE_VLLM": VLLM, "WEIGHTGATE_VLLM_ARGS": ARGS,
        "WEIGHTGATE_BLOB_DIR": str(site.BLOB_DIR), "WEIGHTGATE_VAR": str(settings.VAR),
    }  # fmt: skip
    environment = {**os.environ, **environment_of(tmp_path, base_url, site.REDIS_URL), **more}
    web = process(
        "web", process_commands.streams(f"127.0.0.1:{port}", grace_seconds=1), tmp_path, environment
    )
    worker = process("worker", process_commands.worker(concurrency=2), tmp_path, environment)
    with web, worker as daemon:
        wait_until(lambda: hosting.ready_commit(repo.full_name), START_SECONDS, "a loaded model")
        wait_until(lambda: answers(base_url), 60, "the web process")
        client = openai.OpenAI(base_url=f"{base_url}/v1", api_key=secret, max_retries=0)
        yield repo.full_name, client, daemon


def answers(base_url):
    try:
        return httpx2.get(f"{base_url}/healthz").status_code == httpx2.codes.OK
    except httpx2.TransportError:
        return False


@pytest.mark.timeout(500)
def test_a_model_is_published_hosted_prompted_and_talked_to(engine, served):
    name, client, worker = served
    published = AuditEvent.objects.get(type="revision.published").data
    assert published["load_check"]["result"] == "loaded"
    about = client.models.retrieve(name).model_extra["x_weightgate"]
    assert about["engine"] == engine
    completes(client, name)
    talks(client, name)
    talks_in_a_batch(client, name)
    if engine == "vllm":
        keeps_to_a_form(client, name)
        calls_tools(client, name)
        outlives_vllm(client, name, worker)


def completes(client, name):
    """Hold /v1/completions to itself: whole and streamed, scored, stopped, several."""
    asked = {"model": name, "prompt": "The sluice", "max_tokens": 8, "seed": 1}
    whole = client.completions.create(**asked, n=2, logprobs=2, extra_body={"ignore_eos": True})
    assert len(whole.choices) == 2
    assert whole.usage.completion_tokens == 16
    assert len(whole.choices[0].logprobs.tokens) == 8
    parts = list(client.completions.create(**asked, stream=True, extra_body={"ignore_eos": True}))
    streamed = "".join(part.choices[0].text for part in parts if part.choices)
    assert streamed == whole.choices[0].text
    scored = client.completions.create(
        model=name, prompt="The sluice", max_tokens=0, echo=True, logprobs=1
    )
    assert scored.choices[0].logprobs.token_logprobs[0] is None
    assert all(value <= 0 for value in scored.choices[0].logprobs.token_logprobs[1:])


def talks(client, name):
    """Hold /v1/chat/completions to itself: whole and streamed, with log-probabilities."""
    asked = {"model": name, "messages": SAYS, "max_completion_tokens": 8, "seed": 1}
    more = {"extra_body": {"ignore_eos": True}}
    whole = client.chat.completions.create(**asked, n=2, logprobs=True, top_logprobs=2, **more)
    assert [choice.message.role for choice in whole.choices] == ["assistant", "assistant"]
    assert whole.usage.completion_tokens == 16
    tokens = whole.choices[0].logprobs.content
    assert len(tokens) == 8
    assert all(len(token.top_logprobs) == 2 for token in tokens)
    chunks = list(
        client.chat.completions.create(
            **asked, stream=True, stream_options={"include_usage": True}, **more
        )
    )
    said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert said == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage.completion_tokens == 8
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**asked, tools=TOOLS)
    assert refused.value.param == "tools"


def talks_in_a_batch(client, name):
    """Have two chats answered by a batch."""
    body = {"model": name, "messages": SAYS, "max_completion_tokens": 4}
    line = {"method": "POST", "url": "/v1/chat/completions", "body": body}
    lines = "\n".join(json.dumps({**line, "custom_id": custom_id}) for custom_id in "ab")
    file = client.files.create(file=("in.jsonl", lines.encode()), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )

    def ended():
        advance_batches(timezone.now())  # as beat has it done
        return client.batches.retrieve(batch.id).status == "completed"

    wait_until(ended, 60, "the batch’s end")
    output_file_id = client.batches.retrieve(batch.id).output_file_id
    answers = map(json.loads, client.files.content(output_file_id).iter_lines())
    roles = [answer["response"]["body"]["choices"][0]["message"]["role"] for answer in answers]
    assert roles == ["assistant", "assistant"]


def keeps_to_a_form(client, name):
    """Hold the text to JSON of a schema."""
    schema = {"type": "object", "properties": {"open": {"type": "boolean"}}, "required": ["open"],
              "additionalProperties": False}  # fmt: skip
    form = {"type": "json_schema", "json_schema": {"name": "sluice", "schema": schema}}
    answer = client.chat.completions.create(
        model=name, messages=SAYS, max_completion_tokens=60, response_format=form, temperature=0
    )
    if answer.choices[0].finish_reason == "stop":
        assert set(json.loads(answer.choices[0].message.content)) == {"open"}
    choice = client.completions.create(
        model=name,
        prompt="x",
        max_tokens=20,
        extra_body={"structured_outputs": {"choice": ["yes", "no"]}},
    )
    assert choice.choices[0].text in ("yes", "no")


def calls_tools(client, name):
    """Hold tools to themselves: required, named and called by itself, whole and streamed."""
    asked = {"model": name, "messages": SAYS, "tools": TOOLS, "temperature": 0}
    for choice in ("required", NAMED):
        answer = client.chat.completions.create(
            **asked,
            tool_choice=choice,
            parallel_tool_calls=False,
            logit_bias=no_blanks(client, name),
        )
        [call] = answer.choices[0].message.tool_calls
        assert (answer.choices[0].finish_reason, call.function.name) == ("tool_calls", "sluice")
        assert set(json.loads(call.function.arguments)) == {"open"}
    call_command("host", name, "--as", "operator", "--tool-parser", "hermes")
    whole = client.chat.completions.create(**asked)
    with client.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion()
    for answer in (whole, streamed):
        [call] = answer.choices[0].message.tool_calls
        assert (answer.choices[0].finish_reason, call.function.name) == ("tool_calls", "sluice")
        assert json.loads(call.function.arguments) == {"open": True}
        assert not answer.choices[0].message.content


def no_blanks(client, name):
    """Ban tokens with blanks, of which an untrained model may write no end between JSON’s parts."""
    texts = {n: client.post("/detokenize", body={"model": name, "tokens": [n]}, cast_to=object)
             for n in range(3, 300)}  # fmt: skip
    return {str(n): -100 for n, text in texts.items() if set(text["prompt"]) & set(" \n\t\r")}


def outlives_vllm(client, name, worker):
    """Kill vLLM's own processes: the job that ran, and the next, are answered by a new one."""
    begun = client.completions.create(
        model=name, prompt="x", max_tokens=90, stream=True, extra_body={"ignore_eos": True}
    )
    next(iter(begun))
    engines = [pid for pid in descendants(worker.process.pid) if "VLLM" in command_of(pid)]
    assert engines
    for pid in engines:
        os.kill(pid, signal.SIGKILL)
    assert list(begun)[-1].choices[0].finish_reason == "length"
    patient = client.with_options(timeout=START_SECONDS)
    answer = patient.completions.create(model=name, prompt="x", max_tokens=2)
    assert answer.usage.completion_tokens >= 1


def command_of(pid):
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""
