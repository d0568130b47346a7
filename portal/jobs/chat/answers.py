"""Spell events as OpenAI's chat completions: whole replies and stream chunks."""

from __future__ import annotations

import uuid
from functools import cached_property
from typing import Any

from portal.jobs.chat.prompting import CallReading, reading_of
from portal.jobs.chat.tools.reading import Called, Piece, Said
from portal.jobs.hosting import HostedModel
from portal.jobs.models import Job
from portal.jobs.openai.completions import Reply
from portal.jobs.streaming.event_log import ChoiceEvent, TokenLogprobs

ASSISTANT = "assistant"
CALLED = "tool_calls"


class ChatChoice:
    """A writer of one answer of an assistant, whole or in pieces."""

    def __init__(
        self, job: Job, index: int, model: HostedModel, reading: CallReading | None
    ) -> None:
        self.index = index
        self._job_id = job.pk
        self._most: int | None = job.params["logprobs"]
        self._streams = job.stream
        self._model = model
        self._begun = False
        self._calls = 0
        self._reader = reading.reader() if reading else None
        self._several = reading is not None and reading.several

    def render(self, event: ChoiceEvent) -> dict[str, Any] | None:
        """Return the event as a choice object; None while a stream holds back what it has.

        The first of a stream says who speaks.
        """
        said = self._said(event)
        if not self._begun:
            said = {"role": ASSISTANT, "content": None, **said}
            self._begun = True
        logprobs = self._logprobs(event)
        if not (said or logprobs or event.finish_reason):
            return None
        if not self._streams:
            content = said["content"] if self._calls else said["content"] or ""
            said |= {"content": content, "refusal": None}
        is_called = self._calls and event.finish_reason == "stop"
        return {
            "index": self.index,
            "delta" if self._streams else "message": said,
            "logprobs": logprobs,
            "finish_reason": CALLED if is_called else event.finish_reason,
            "stop_reason": event.stop_reason,
        }

    def _said(self, event: ChoiceEvent) -> dict[str, Any]:
        """Return the text of an event, and the calls in it."""
        if self._reader is None:
            return {"content": event.text}
        pieces = list(self._reader.feed(event.text))
        if event.finish_reason:
            pieces += self._reader.end()
        text = "".join(piece.text for piece in pieces if isinstance(piece, Said))
        calls = [call for piece in pieces if (call := self._call(piece))]
        return {**({"content": text} if text else {}), **({CALLED: calls} if calls else {})}

    def _call(self, piece: Piece) -> dict[str, Any] | None:
        """Return a call, or more of its arguments; None for text, and for one call too many."""
        if not isinstance(piece, Called) or (piece.name and self._calls and not self._several):
            return None
        number = self._calls - (piece.name is None)
        place = {"index": number} if self._streams else {}
        if piece.name is None:
            return {**place, "function": {"arguments": piece.arguments}}
        self._calls += 1
        named = {"id": self._id(number), "type": "function"}
        return {**place, **named, "function": {"name": piece.name, "arguments": piece.arguments}}

    def _id(self, number: int) -> str:
        """Return a call's id, the same however often the answer is written."""
        return f"call_{uuid.uuid5(self._job_id, f'{self.index}/{number}').hex}"

    def _logprobs(self, event: ChoiceEvent) -> dict[str, Any] | None:
        if self._most is None:
            return None
        return {"content": [self._token(row) for row in event.logprobs or ()], "refusal": None}

    def _token(self, row: TokenLogprobs) -> dict[str, Any]:
        likeliest = sorted(row, key=lambda entry: -entry[1])[: self._most]
        return {**self._entry(row[0]), "top_logprobs": [self._entry(entry) for entry in likeliest]}

    def _entry(self, entry: list[Any]) -> dict[str, Any]:
        token, logprob, name, *_ = entry
        tokenizer = self._model.tokenizer
        spelt = name if name is not None else f"token_id:{token}"
        content = list(tokenizer.token_bytes(token)) if tokenizer else None
        return {"token": spelt, "logprob": logprob, "bytes": content}


class ChatReply(Reply):
    """A writer of a job's answers, whole or chunk by chunk."""

    @cached_property
    def _reading(self) -> CallReading | None:
        return reading_of(self._job.chat)

    def _choice(self, job: Job, index: int, model: HostedModel) -> ChatChoice:
        return ChatChoice(job, index, model, self._reading)

    def _head(self) -> dict[str, Any]:
        kind = "chat.completion.chunk" if self._job.stream else "chat.completion"
        return {**super()._head(), "id": f"chatcmpl-{self._job.pk.hex}", "object": kind}
