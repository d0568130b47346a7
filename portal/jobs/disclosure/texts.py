"""Read what is still there of one job: in its row, or, of a batch's line, in the batch's files."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings

from portal.jobs.batches import contents
from portal.jobs.batches.collecting import id_of_line
from portal.jobs.batches.models import BatchLine, StoredFile
from portal.jobs.chat.endpoints import Endpoint
from portal.jobs.hosting import HostedModel, hosted_model
from portal.jobs.models import Job
from portal.parsing.json import LARGEST_BODY_BYTES, read_object


@dataclass(frozen=True)
class DisclosedText:
    """One prompt with what was written for it; the prompt is "" once its file was deleted."""

    prompt: str = field(repr=False)
    outputs: list[str] = field(repr=False)


def texts_of(job: Job) -> list[DisclosedText]:
    """Return each prompt with its outputs; nothing where all are forgotten."""
    model = hosted_model(job.revision)
    outputs: dict[int, list[str]] = defaultdict(list)
    if job.prompts:
        prompts = [model.decode(prompt) for prompt in job.prompts]
        written = [(event["choice"], event["text"]) for event in job.each_event()]
    else:
        line = BatchLine.objects.select_related("batch").filter(job=job).first()
        if line is None:
            return []
        prompts, written = _asked(line, model), _answered(line)
    for choice, text in written:
        outputs[choice // job.n].append(text)
    prompts += [""] * (max(outputs, default=-1) + 1 - len(prompts))
    return [DisclosedText(prompt, outputs[number]) for number, prompt in enumerate(prompts)]


def _asked(line: BatchLine, model: HostedModel) -> list[str]:
    """Return a line's prompts as its batch's input file has them."""
    file = _file(line.batch.input_file_id)
    if file is None:
        return []
    lines = contents.lines(file, most_bytes=LARGEST_BODY_BYTES)
    [text] = islice(lines, line.number - 1, line.number)
    chat, completion = Endpoint(line.batch.endpoint).parse(
        read_object(text, nul_in=("body",))["body"]
    )
    if chat is not None:
        return ["\n".join(f"{said.role}: {said.content}" for said in chat.messages)]
    return [
        prompt if isinstance(prompt, str) else model.decode(prompt) for prompt in completion.prompts
    ]


def _answered(line: BatchLine) -> list[tuple[int, str]]:
    """Return a line's choices with their numbers as its batch's output file has them."""
    file = _file(line.batch.output_file_id)
    if file is None:
        return []
    most_bytes, start = settings.FILE_BYTES, f'{{"id":"{id_of_line(line)}",'.encode()
    for text in contents.lines(file, most_bytes=most_bytes):
        if text.startswith(start):
            answer = read_object(text, most_bytes=most_bytes, nul_in=("response",))
            choices = answer["response"]["body"]["choices"]
            return [(choice["index"], _text_of(choice)) for choice in choices]
    return []


def _text_of(choice: dict[str, Any]) -> str:
    """Return what a choice says; of a chat with calls of tools, its message as JSON."""
    message = choice.get("message")
    if message is None:
        return str(choice["text"])
    return json.dumps(message) if message.get("tool_calls") else str(message["content"])


def _file(file_id: UUID | None) -> StoredFile | None:
    return StoredFile.objects.filter(pk=file_id).first() if file_id else None
