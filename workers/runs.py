"""One claimed job inside the engine: its requests, what came of them, what it cost."""

from __future__ import annotations

from collections import defaultdict, deque
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from inference.engine.outputs import EngineRequest, PromptLogprobs, TokenEvent
from inference.engine.outputs import TokenLogprobs as EngineLogprobs
from inference.engine.sampling_params import SamplingParams
from portal.jobs.models import Job
from portal.jobs.services import JobResult, LeaseStatus
from portal.jobs.streaming.event_log import ChoiceEvent, TokenLogprobs
from portal.observability.request_ids import bound_to
from workers.params import sampling_of, scored_alternatives

LEAST_LOGPROB = -9999.0
SLOTS = 1 << 16  # more than one person’s samples in the engine


@dataclass(frozen=True, order=True)
class Turn:
    """A live sample's turn, in the engine's order.

    It goes by its job's priority, then by its slot among its person's samples, then first come.
    """

    priority: int
    slot: int
    arrival: int

    @property
    def engine_priority(self) -> int:
        return self.priority * SLOTS + self.slot


def job_of(engine_request_id: str) -> UUID:
    """Return the job that a request of the engine's is of."""
    return UUID(engine_request_id.split("/")[1])


@dataclass
class Run:
    """A job's samples in the engine, for its thread alone, but ``lease_status`` is the clerk's.

    Each sample is a request of its own, named by its choice: people share the engine by samples.
    """

    job: Job
    waiting: deque[int] = field(default_factory=deque)  # choices that are not in the engine yet
    live: dict[str, Turn] = field(default_factory=dict)  # samples in the engine, by request id
    events: dict[int, ChoiceEvent] = field(default_factory=dict)  # merged, by choice
    prompt_logprobs: dict[int, Any] = field(default_factory=dict)
    logprob_sums: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    tokens: int = 0
    engine_seconds: float = 0.0
    first_token_at: datetime | None = None
    error: str = ""
    lease_status: LeaseStatus = LeaseStatus.RENEWED

    @classmethod
    def of(cls, job: Job) -> Run:
        """Make a run of a job's samples; where prompts are scored, first the one that does it."""
        scored = scored_alternatives(job) is not None
        return cls(job, deque(range(0, job.sample_count, job.best_of if scored else 1)))

    def request(self, choice: int, turn: Turn) -> EngineRequest:
        """Make the request for one sample, drawn as it would be among all of its prompt."""
        number, sample = divmod(choice, self.job.best_of)
        return EngineRequest(
            self.job.prompts[number],
            self._sampling,
            self._engine_request_id(choice),
            priority=turn.engine_priority,
            first_sample=sample,
        )

    def _engine_request_id(self, choice: int) -> str:
        """Name a sample for the engine, which puts the name into what it logs about it.

        The HTTP request's id stands first: ``portal.observability.logs`` reads it there, and
        whoever searches the lines of ranks that know no portal.
        """
        job = self.job
        return f"{job.http_request_id}/{job.pk}/{job.attempt}/{choice}"

    @cached_property
    def _sampling(self) -> SamplingParams:
        return sampling_of(self.job)

    @property
    def hungry(self) -> bool:
        """Tell whether the run has samples to feed to the engine."""
        return bool(self.waiting) and not self.error

    @property
    def done(self) -> bool:
        return bool(self.error) or not (self.waiting or self.live)

    def bound_to_log(self) -> AbstractContextManager[None]:
        """Mark what is logged within the block with the HTTP request that asked for the job."""
        return bound_to(self.job.http_request_id)

    def take(self, told: TokenEvent, now: datetime) -> ChoiceEvent:
        """Note an event of the engine's; what is new, as readers get it."""
        choice = int(told.request_id.rpartition("/")[2])
        if told.prompt_logprobs is not None:
            number = choice // self.job.best_of
            self.prompt_logprobs[number] = _prompt_entries(told.prompt_logprobs)
            self.waiting.extend(range(choice + 1, choice + self.job.best_of))
        if told.token_ids and self.first_token_at is None:
            self.first_token_at = now
        event = self._event(choice, told)
        self.tokens += len(told.token_ids)
        self.logprob_sums[choice] += sum(map(_chosen, told.logprobs or ()))
        self.events[choice] = _merged(self.events.get(choice), event)
        if told.finish_reason is not None:
            self._sample_ended(told)
        return event

    def _event(self, choice: int, told: TokenEvent) -> ChoiceEvent:
        before, number = self.events.get(choice), choice // self.job.best_of
        logprobs = told.logprobs if self.job.params["logprobs"] is not None else None
        return ChoiceEvent(
            choice=choice,
            position=len(before.tokens) if before else 0,
            offset=len(before.text) if before else 0,
            tokens=list(told.token_ids),
            text=told.text,
            logprobs=[_entries(each) for each in logprobs] if logprobs else None,
            # sample 0 has them scored before the others begin; each choice that echoes needs them
            prompt_logprobs=None if before else self.prompt_logprobs.get(number),
            finish_reason=told.finish_reason,
            stop_reason=told.stop_reason,
        )

    def _sample_ended(self, told: TokenEvent) -> None:
        if told.finish_reason == "error":
            self.error = told.error or "the engine failed"
        del self.live[told.request_id]

    def result(self) -> JobResult:
        """Return what is answered: of each prompt's samples the likeliest n, best first."""
        answered = map(self._answered, range(len(self.job.prompts)))
        return JobResult(
            events=[event for events in answered for event in events],
            completion_tokens=self.tokens,
            engine_seconds=self.engine_seconds,
            first_token_at=self.first_token_at,
        )

    def _answered(self, number: int) -> list[ChoiceEvent]:
        """Choose and number the choices of one prompt."""
        job = self.job
        drawn = range(number * job.best_of, (number + 1) * job.best_of)
        samples = [self.events[sample] for sample in drawn if sample in self.events]
        if job.best_of == job.n:
            return samples
        samples.sort(key=self._mean_logprob, reverse=True)
        first = number * job.n
        return [
            replace(event, choice=first + place) for place, event in enumerate(samples[: job.n])
        ]

    def _mean_logprob(self, event: ChoiceEvent) -> float:
        return self.logprob_sums[event.choice] / max(len(event.tokens), 1)


def _merged(before: ChoiceEvent | None, event: ChoiceEvent) -> ChoiceEvent:
    """The choice's event with the next one's news added; grown in place, since long."""
    if before is None:
        return ChoiceEvent(
            choice=event.choice,
            tokens=list(event.tokens),
            text=event.text,
            logprobs=None if event.logprobs is None else list(event.logprobs),
            prompt_logprobs=event.prompt_logprobs,
            finish_reason=event.finish_reason,
            stop_reason=event.stop_reason,
        )
    before.tokens.extend(event.tokens)
    if event.logprobs is not None and before.logprobs is not None:
        before.logprobs.extend(event.logprobs)
    return ChoiceEvent(
        choice=before.choice,
        tokens=before.tokens,
        text=before.text + event.text,
        logprobs=before.logprobs,
        prompt_logprobs=before.prompt_logprobs,
        finish_reason=event.finish_reason,
        stop_reason=event.stop_reason,
    )


def _chosen(logprobs: EngineLogprobs) -> float:
    return max(next(iter(logprobs.values())).logprob, LEAST_LOGPROB)


def _entries(logprobs: EngineLogprobs) -> TokenLogprobs:
    return [
        [token, max(each.logprob, LEAST_LOGPROB), each.decoded_token]
        for token, each in logprobs.items()
    ]


def _prompt_entries(logprobs: PromptLogprobs) -> list[TokenLogprobs | None]:
    """The same of a prompt's tokens, each with its rank."""
    return [None if each is None else _ranked(each) for each in logprobs]


def _ranked(logprobs: EngineLogprobs) -> TokenLogprobs:
    return [[*entry, logprobs[entry[0]].rank] for entry in _entries(logprobs)]
