"""Spell events as OpenAI's chat completions: whole replies and stream chunks."""

from __future__ import annotations

from typing import Any

from portal.jobs.hosting import HostedModel
from portal.jobs.models import Job
from portal.jobs.openai.completions import Reply
from portal.jobs.streaming.event_log import ChoiceEvent, TokenLogprobs

ASSISTANT = "assistant"


class ChatChoice:
    """A writer of one answer of an assistant, whole or in pieces."""

    def __init__(self, job: Job, index: int, model: HostedModel) -> None:
        self.index = index
        self._most: int | None = job.params["logprobs"]
        self._streams = job.stream
        self._model = model
        self._begun = False

    def render(self, event: ChoiceEvent) -> dict[str, Any]:
        """Return the event as a choice object; the first of a stream says who speaks."""
        said: dict[str, Any] = {"content": event.text}
        if not self._begun:
            said = {"role": ASSISTANT, **said}
            self._begun = True
        if not self._streams:
            said["refusal"] = None
        return {
            "index": self.index,
            "delta" if self._streams else "message": said,
            "logprobs": self._logprobs(event),
            "finish_reason": event.finish_reason,
            "stop_reason": event.stop_reason,
        }

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

    def _choice(self, job: Job, index: int, model: HostedModel) -> ChatChoice:
        return ChatChoice(job, index, model)

    def _head(self) -> dict[str, Any]:
        kind = "chat.completion.chunk" if self._job.stream else "chat.completion"
        return {**super()._head(), "id": f"chatcmpl-{self._job.pk.hex}", "object": kind}
