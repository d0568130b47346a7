"""One claimed job inside the engine: its requests, what came of them, what it cost."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from inference.outputs import EngineRequest, PromptLogprobs, TokenEvent
from inference.outputs import TokenLogprobs as EngineLogprobs
from inference.sampling import SamplingParams
from portal.jobs.models import Job
from portal.jobs.services import Outcome, Standing
from portal.jobs.stream import Event, TokenLogprobs

LEAST_LOGPROB = -9999.0


@dataclass
class Run:
    """Touched by the engine's thread alone, but for ``standing``, which the clerk sets."""

    job: Job
    waiting: deque[EngineRequest] = field(default_factory=deque)
    live: dict[str, int] = field(default_factory=dict)  # samples left by request id
    events: dict[int, Event] = field(default_factory=dict)  # merged, by choice
    prompt_logprobs: dict[int, Any] = field(default_factory=dict)
    tokens: int = 0
    engine_seconds: float = 0.0
    first_token_at: datetime | None = None
    error: str = ""
    standing: Standing = Standing.MINE

    @classmethod
    def of(cls, job: Job) -> Run:
        run = cls(job)
        sampling = _sampling(job)
        for number, prompt in enumerate(job.prompts):
            name = f"{job.pk}/{job.attempt}/{number}"
            run.waiting.append(EngineRequest(prompt, sampling, name, priority=job.priority))
        return run

    @property
    def live_samples(self) -> int:
        return sum(self.live.values())

    @property
    def done(self) -> bool:
        return bool(self.error) or not (self.waiting or self.live)

    def take(self, told: TokenEvent, now: datetime) -> Event:
        """Note an event of the engine's; what is new, as readers get it."""
        number = int(told.request_id.rpartition("/")[2])
        if told.prompt_logprobs is not None:
            self.prompt_logprobs[number] = _prompt_entries(told.prompt_logprobs)
        if told.token_ids and self.first_token_at is None:
            self.first_token_at = now
        event = self._event(number, told)
        self.tokens += len(told.token_ids)
        self.events[event.choice] = _merged(self.events.get(event.choice), event)
        if told.finish_reason is not None:
            self._sample_ended(told)
        return event

    def _event(self, number: int, told: TokenEvent) -> Event:
        choice = number * self.job.n + told.index
        before = self.events.get(choice)
        return Event(
            choice=choice,
            position=len(before.tokens) if before else 0,
            offset=len(before.text) if before else 0,
            tokens=list(told.token_ids),
            text=told.text,
            logprobs=[_entries(each) for each in told.logprobs] if told.logprobs else None,
            # the engine tells them with the first sample; each choice that echoes needs them
            prompt_logprobs=None if before else self.prompt_logprobs.get(number),
            finish_reason=told.finish_reason,
        )

    def _sample_ended(self, told: TokenEvent) -> None:
        if told.finish_reason == "error":
            self.error = told.error or "the engine failed"
        self.live[told.request_id] -= 1
        if not self.live[told.request_id]:
            del self.live[told.request_id]

    def outcome(self) -> Outcome:
        return Outcome(
            events=[self.events[choice] for choice in sorted(self.events)],
            completion_tokens=self.tokens,
            engine_seconds=self.engine_seconds,
            first_token_at=self.first_token_at,
        )


def _sampling(job: Job) -> SamplingParams:
    params = dict(job.params)
    return SamplingParams(
        n=job.n,
        prompt_logprobs=params["logprobs"] if job.echo else None,
        **params,
    )


def _merged(before: Event | None, event: Event) -> Event:
    """The choice's event with the next one's news added; grown in place, since long."""
    if before is None:
        return Event(
            choice=event.choice,
            tokens=list(event.tokens),
            text=event.text,
            logprobs=None if event.logprobs is None else list(event.logprobs),
            prompt_logprobs=event.prompt_logprobs,
            finish_reason=event.finish_reason,
        )
    before.tokens.extend(event.tokens)
    if event.logprobs is not None and before.logprobs is not None:
        before.logprobs.extend(event.logprobs)
    return Event(
        choice=before.choice,
        tokens=before.tokens,
        text=before.text + event.text,
        logprobs=before.logprobs,
        prompt_logprobs=before.prompt_logprobs,
        finish_reason=event.finish_reason,
    )


def _entries(logprobs: EngineLogprobs) -> TokenLogprobs:
    return [
        [token, max(each.logprob, LEAST_LOGPROB), each.decoded_token]
        for token, each in logprobs.items()
    ]


def _prompt_entries(logprobs: PromptLogprobs) -> list[TokenLogprobs | None]:
    return [None if each is None else _entries(each) for each in logprobs]
