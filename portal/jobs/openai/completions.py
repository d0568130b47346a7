"""Spell events as the OpenAI completions API does: whole replies and stream chunks."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

from portal.jobs.captures.describing import with_captures
from portal.jobs.hosting import HostedModel
from portal.jobs.models import Job
from portal.jobs.streaming.event_log import ChoiceEvent, TokenLogprobs


class ChoiceWriter(Protocol):
    """A writer of one choice of an answer."""

    def render(self, event: ChoiceEvent) -> dict[str, Any] | None: ...


class Choice:
    """A writer of one choice. What it has written so far decides the next text offset."""

    def __init__(self, job: Job, index: int, model: HostedModel) -> None:
        self.index = index
        self._prompt: list[int] = job.prompts[index // job.n]
        self._echo = job.echo
        self._most: int | None = job.params["logprobs"]
        self._most_of_prompt: int | None = job.params.get("prompt_logprobs")
        self._by_id: bool = job.params.get("return_token_ids", False)
        self._asked_twice = self._most is not None and self._most_of_prompt is not None
        self._model = model
        self._begun = False
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._characters = 0

    def render(self, event: ChoiceEvent) -> dict[str, Any]:
        """Return the event as a choice object."""
        echoes = self._echo and not self._begun
        self._begun = True
        text, logprobs = event.text, None
        if echoes:
            text = self._model.decode(self._prompt) + text
        if self._most is not None:
            logprobs = self._logprobs(event, self._most, echoes=echoes)
        return {
            "index": self.index,
            "text": text,
            "logprobs": logprobs,
            "finish_reason": event.finish_reason,
            "stop_reason": event.stop_reason,
            **self._prompt_logprobs(event),
            **(self._token_ids(event) if self._by_id else {}),
        }

    def _token_ids(self, event: ChoiceEvent) -> dict[str, Any]:
        """Return ids as vLLM spells them, and log-probabilities by id beside those by name."""
        ids: dict[str, Any] = {"token_ids": event.tokens}
        if not event.position:
            ids["prompt_token_ids"] = self._prompt
        if self._most is not None:
            scores = event.logprobs or _without_scores(event.tokens)
            ids["logprobs_by_id"] = [entries and _ranked(entries, self._most) for entries in scores]
        return ids

    def _prompt_logprobs(self, event: ChoiceEvent) -> dict[str, Any]:
        """Return the prompt's log-probabilities as vLLM spells them, by token id."""
        if self._most_of_prompt is None:
            return {}
        scores = self._scores(event, self._most_of_prompt)
        return {"prompt_logprobs": [entries and _by_id(entries) for entries in scores]}

    def _scores(self, event: ChoiceEvent, most: int) -> list[TokenLogprobs | None]:
        """Return for each token of the prompt itself and the ``most`` likeliest in its place.

        A prompt that is asked for twice, echoed and by itself, is scored once, for the wider list.
        """
        scores = event.prompt_logprobs or _without_scores(self._prompt)
        if not self._asked_twice:
            return scores
        return [entries and _likeliest(entries, most) for entries in scores]

    def _logprobs(self, event: ChoiceEvent, most: int, *, echoes: bool) -> dict[str, list[Any]]:
        rows: list[tuple[int, TokenLogprobs | None]] = []
        if echoes:
            rows += zip(self._prompt, self._scores(event, most), strict=True)
        rows += zip(event.tokens, event.logprobs or _without_scores(event.tokens), strict=True)
        return {
            "tokens": [self._name(token, entries) for token, entries in rows],
            "token_logprobs": [entries[0][1] if entries else None for _, entries in rows],
            "top_logprobs": [best_by_name(entries) if entries else None for _, entries in rows],
            "text_offset": [self._offset_of(token) for token, _ in rows],
        }

    def _name(self, token: int, entries: TokenLogprobs | None) -> str:
        if entries and entries[0][2] is not None:
            return str(entries[0][2])
        return self._model.tokenizer.name(token) if self._model.tokenizer else f"token_id:{token}"

    def _offset_of(self, token: int) -> int:
        """Return where the token's text begins, and note its length."""
        offset = self._characters
        if self._model.tokenizer:
            self._characters += len(self._decoder.decode(self._model.tokenizer.token_bytes(token)))
        return offset


def _without_scores(tokens: list[int]) -> list[TokenLogprobs | None]:
    return [None for _ in tokens]


def _likeliest(entries: TokenLogprobs, most: int) -> TokenLogprobs:
    """Keep the token of the prompt, and of the others those among the ``most`` likeliest."""
    own, *others = entries
    better = sum((rank, token) < (own[3], own[0]) for token, _, _, rank in others)
    return [own, *others[: most - (better < most)]]


def _by_id(entries: TokenLogprobs) -> dict[str, dict[str, Any]]:
    return {
        str(token): {"logprob": logprob, "rank": rank, "decoded_token": name}
        for token, logprob, name, rank in entries
    }


def _ranked(entries: TokenLogprobs, most: int) -> dict[str, dict[str, Any]]:
    """Return logprobs by id with ranks; None for a token that isn't among the ``most`` likeliest.

    The chosen token comes first, and is one more than those where it isn't among them.
    """
    likeliest = entries[1:] if len(entries) > most else sorted(entries, key=lambda e: -e[1])
    ranks = {entry[0]: number for number, entry in enumerate(likeliest, 1)}
    return _by_id([[*entry[:3], ranks.get(entry[0])] for entry in entries])


def best_by_name(entries: TokenLogprobs) -> dict[str, float]:
    """Return logprobs by the tokens' strings; where two ids read alike, the likelier counts."""
    best: dict[str, float] = {}
    for token, logprob, name, *_ in entries:
        name = f"token_id:{token}" if name is None else name
        best[name] = max(logprob, best.get(name, logprob))
    return best


class Reply:
    """A writer of a job's choices, whole or chunk by chunk.

    ``extra`` are fields of the whole reply, and of each chunk that ends a choice or the stream.
    """

    def __init__(
        self, job: Job, model: HostedModel, extra: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self._job = job
        self._extra = extra
        self._choices = [self._choice(job, index, model) for index in range(job.choice_count)]

    def _choice(self, job: Job, index: int, model: HostedModel) -> ChoiceWriter:
        return Choice(job, index, model)

    def whole(self, job: Job) -> str:
        """Return the JSON of the whole reply to a job that succeeded, encoded choice by choice.

        Encoding tens of megabytes at once would hold the interpreter's lock all the while.
        """
        rendered = (
            self._choices[event["choice"]].render(ChoiceEvent(**event))
            for event in job.each_event()
        )
        choices = ",".join(encoded(choice) for choice in rendered if choice is not None)
        extra = with_captures(self._extra, job)
        rest = encoded({**self._head(), "usage": usage(job), **extra})
        return f'{rest[:-1]},"choices":[{choices}]}}'

    def chunk(self, event: ChoiceEvent) -> dict[str, Any] | None:
        """Return an event as a chunk; None where its choice has nothing to say yet."""
        extra = self._extra if event.finish_reason else {}
        choice = self._choices[event.choice].render(event)
        return None if choice is None else {**self._head(), "choices": [choice], **extra}

    def last_chunk(self, job: Job, *, include_usage: bool) -> dict[str, Any] | None:
        """Return the chunk that counts the tokens, or names the captures; None for neither."""
        extra = with_captures(self._extra, job)
        if not include_usage and extra is self._extra:
            return None
        counts = {"usage": usage(job)} if include_usage else {}
        return {**self._head(), "choices": [], **counts, **extra}

    def _head(self) -> dict[str, Any]:
        return {
            "id": f"cmpl-{self._job.pk.hex}",
            "object": "text_completion",
            "created": int(self._job.created_at.timestamp()),
            "model": self._job.model_name,
        }


def encoded(content: dict[str, Any]) -> str:
    """Encode JSON without blanks."""
    return json.dumps(content, separators=(",", ":"))


def usage(job: Job) -> dict[str, int]:
    return {
        "prompt_tokens": job.prompt_tokens,
        "completion_tokens": job.completion_tokens,
        "total_tokens": job.prompt_tokens + job.completion_tokens,
    }
