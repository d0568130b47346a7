"""Write code that repeats a job: with curl, in Python, and for the weights themselves."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from inference.engine.sampling_params import SamplingParams
from inference.interp.reductions import Projection
from inference.interp.spec import Capture
from inference.interp.wire import read_captures
from portal.jobs.chat.prompting import PARSER
from portal.jobs.models import Job
from portal.jobs.openai.parameters import asked_parameters


@dataclass(frozen=True)
class Snippet:
    """A piece of code to copy."""

    title: str
    text: str


def snippets(job: Job, prompt: str) -> list[Snippet]:
    """Return code that repeats the request, in curl and Python, or that fetches the weights."""
    name = job.repo.full_name
    path, method, written = COMPLETIONS if job.chat is None else CHAT
    said = {"prompt": prompt} if job.chat is None else _chat(job.chat)
    body = {"model": name, **said, **_parameters(job)}
    sent = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    curl = (
        f'curl {settings.BASE_URL}/v1/{path} \\\n  -H "Authorization: Bearer $WG_TOKEN" '
        f"-H \"Content-Type: application/json\" \\\n  -d '{sent}'"
    )
    python = (
        "import os\nfrom openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{settings.BASE_URL}/v1", api_key=os.environ["WG_TOKEN"])\n'
        f"reply = client.{method}.create(\n    {_arguments(body)},\n)\n"
        f"print(reply.choices[0].{written})"
    )
    engine = _with_remote_engine(job, prompt)
    weights = f"HF_ENDPOINT={settings.BASE_URL} hf download {name}"
    return [
        Snippet("curl", curl),
        Snippet("Python, openai", python),
        *([Snippet("Python, RemoteEngine", engine)] if engine else []),
        Snippet(_("Weights, hf"), weights),
    ]


def _chat(chat: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a chat’s request that are about what is said, and about tools."""
    return {name: value for name, value in chat.items() if name != PARSER}


def _parameters(job: Job) -> dict[str, Any]:
    """Return the other fields of a request, as its endpoint has them."""
    parameters = asked_parameters(job)
    if job.chat is None:
        return parameters
    if (most := parameters.pop("logprobs", None)) is not None:
        parameters |= {"logprobs": True, "top_logprobs": most}
    if job.chat.get("tool_choice", "auto") != "auto":
        parameters.pop("structured_outputs", None)  # which the tools are written into
    return parameters


def _with_remote_engine(job: Job, prompt: str) -> str:
    """Return code that repeats a job that captured something, and has the tensors at hand."""
    white_box = job.white_box or {}
    if not white_box.get("capture") or white_box.get("interventions"):
        return ""
    captures = [_capture(item) for item in white_box["capture"]]
    if not all(captures):
        return ""
    sampling = ", ".join(
        f"{name}={value!r}"
        for name, value in asked_parameters(job).items()
        if name in SAMPLING_FIELDS
    )
    listed = "".join(f"        {capture},\n" for capture in captures)
    return (
        "import os\nfrom inference import RemoteEngine, SamplingParams\n"
        "from inference.interp import Capture, Last, Mean, TopK\n\n"
        f'engine = RemoteEngine("{settings.BASE_URL}", os.environ["WG_TOKEN"], '
        f'"{job.repo.full_name}")\n'
        f"[output] = engine.generate(\n    {prompt!r},\n    SamplingParams({sampling}),\n"
        f"    captures=[\n{listed}    ],\n)\n"
        "print(output.outputs[0].text, output.outputs[0].captured)"
    )


def _capture(item: dict[str, Any]) -> str:
    """Spell a capture as Python; "" for one whose tensors only its writer has."""
    [capture] = read_captures([item])
    if isinstance(capture.reduce, Projection):
        return ""
    named = {field.name: getattr(capture, field.name) for field in fields(capture)}
    default = Capture(capture.site)
    said = [
        f"{name}={list(value) if isinstance(value, tuple) else value!r}"
        for name, value in named.items()
        if value != getattr(default, name)
    ]
    return f"Capture({', '.join([repr(capture.site), *said])})"


SAMPLING_FIELDS = {field.name for field in fields(SamplingParams)}


def _arguments(body: dict[str, Any]) -> str:
    """Spell a body as openai's client takes it: what it doesn't know goes into ``extra_body``."""
    known = {name: value for name, value in body.items() if name in OPENAI_FIELDS}
    others = {name: value for name, value in body.items() if name not in OPENAI_FIELDS}
    if others:
        known["extra_body"] = others
    return ",\n    ".join(f"{name}={value!r}" for name, value in known.items())


# By whether it is a chat: the path, the client’s method, and where its answer has the text.
COMPLETIONS = ("completions", "completions", "text")
CHAT = ("chat/completions", "chat.completions", "message.content")
OPENAI_FIELDS = frozenset(
    (
        *("messages", "tools", "tool_choice", "parallel_tool_calls", "top_logprobs"),
        *("model", "prompt", "max_tokens", "temperature", "top_p", "n", "best_of", "seed", "stop"),
        *("logprobs", "echo", "presence_penalty", "frequency_penalty", "logit_bias"),
    )
)
