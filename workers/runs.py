"""Run one claimed job in the engine: its requests, their output, and what they cost."""

from __future__ import annotations

from collections import defaultdict, deque
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.utils import timezone

from inference.engine.outputs import EngineRequest, PromptLogprobs, TokenEvent
from inference.engine.outputs import TokenLogprobs as EngineLogprobs
from inference.engine.sampling_params import SamplingParams
from inference.interp.captured import Captured
from inference.interp.spec import WhiteBox
from portal.jobs.accounting.footprint import Metered
from portal.jobs.models import Job
from portal.jobs.services import JobResult, LeaseStatus
from portal.jobs.streaming.event_log import ChoiceEvent, TokenLogprobs
from portal.observability.request_ids import bound_to
from workers.captures.spool import CaptureSpool
from workers.captures.white_box import NOTHING
from workers.params import sampling_of, scored_alternatives

LEAST_LOGPROB = -9999.0
DISPLACED = 1 << 40  # a priority in the engine behind that of each sample with a place


@dataclass(frozen=True)
class Turn:
    """A sample's place in the engine: when it got it, and its priority there.

    ``slot`` is the lowest that its tenant had free; None while it waits, having given way.
    """

    arrival: int
    slot: int | None
    engine_priority: int

    def displaced(self) -> Turn:
        """Return what is left of it when it goes to another: the sample runs after all others."""
        return Turn(self.arrival, None, DISPLACED)


def job_of(engine_request_id: str) -> UUID:
    """Return the id of the job that an engine's request belongs to."""
    return UUID(engine_request_id.split("/")[1])


@dataclass
class Run:
    """A job's samples in the engine.

    Only the engine's thread uses it, but for ``lease_status``, which the dispatcher sets. Each
    sample is a request of its own, named by its choice, since people share the engine by samples.
    """

    job: Job
    waiting: deque[int] = field(default_factory=deque)  # choices that are not in the engine yet
    live: dict[str, Turn] = field(default_factory=dict)  # samples in the engine, by request id
    events: dict[int, ChoiceEvent] = field(default_factory=dict, repr=False)  # merged, by choice
    prompt_logprobs: dict[int, Any] = field(default_factory=dict, repr=False)
    white_box: WhiteBox = field(default=NOTHING, repr=False)
    spool: CaptureSpool = field(default_factory=CaptureSpool, repr=False)
    logprob_sums: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    tokens: int = 0
    computed_tokens: int = 0  # in the engine: of prompts, output, and once more after a preemption
    engine_seconds: float = 0.0
    metered: Metered | None = None  # its share of what the worker's meter has read
    claimed_at: datetime = field(default_factory=timezone.now)
    first_token_at: datetime | None = None
    ended_at: datetime | None = None  # in the engine, before its result is committed
    error: str = ""
    lease_status: LeaseStatus = LeaseStatus.RENEWED

    @classmethod
    def of(cls, job: Job, white_box: WhiteBox = NOTHING) -> Run:
        """Make a run of a job's samples; if prompts are scored, first of those that do that."""
        scored = scored_alternatives(job) is not None
        waiting = deque(range(0, job.sample_count, job.best_of if scored else 1))
        return cls(job, waiting, white_box=white_box)

    def request(self, choice: int, turn: Turn) -> EngineRequest:
        """Make the request for one sample, which draws as it would among all of its prompt's."""
        number, sample = divmod(choice, self.job.best_of)
        return EngineRequest(
            self.job.prompts[number],
            self._sampling,
            self._engine_request_id(choice),
            priority=turn.engine_priority,
            first_sample=sample,
            captures=self.white_box.captures,
            interventions=self.white_box.interventions,
        )

    def _engine_request_id(self, choice: int) -> str:
        """Make a sample's request id, which the engine writes into its log.

        The HTTP request's id comes first: ``portal.observability.logs`` reads it there, and it is
        what one searches the log of other ranks for.
        """
        job = self.job
        return f"{job.http_request_id}/{job.pk}/{job.attempt}/{choice}"

    @cached_property
    def _sampling(self) -> SamplingParams:
        return sampling_of(self.job)

    @property
    def hungry(self) -> bool:
        """Tell whether the run has samples to submit."""
        return bool(self.waiting) and not self.error

    @property
    def waiting_count(self) -> int:
        """Return how many samples have no place; any thread may ask."""
        if self.error:
            return 0
        displaced = sum(turn.slot is None for turn in self.live.copy().values())
        return len(self.waiting) + displaced

    @property
    def sample_count(self) -> int:
        """Return how many samples run or wait here; any thread may ask."""
        return len(self.waiting) + len(self.live)

    @property
    def done(self) -> bool:
        return bool(self.error) or not (self.waiting or self.live)

    def bound_to_log(self) -> AbstractContextManager[None]:
        """Mark what is logged within the block with the HTTP request that asked for the job."""
        return bound_to(self.job.http_request_id)

    def charge(self, tokens: int, seconds: float, metered: Metered) -> None:
        """Add its share of a step: the tokens computed for it, engine seconds and energy."""
        self.computed_tokens += tokens
        self.engine_seconds += seconds
        self.metered = metered if self.metered is None else self.metered + metered

    def take(self, token_event: TokenEvent, now: datetime) -> ChoiceEvent:
        """Add an event of the engine's, and return it as readers of the stream get it."""
        choice = int(token_event.request_id.rpartition("/")[2])
        if token_event.prompt_logprobs is not None:
            number = choice // self.job.best_of
            self.prompt_logprobs[number] = _prompt_entries(token_event.prompt_logprobs)
            self.waiting.extend(range(choice + 1, choice + self.job.best_of))
        if token_event.token_ids and self.first_token_at is None:
            self.first_token_at = now
        event = self._event(choice, token_event)
        self.tokens += len(token_event.token_ids)
        self.logprob_sums[choice] += sum(map(_chosen, token_event.logprobs or ()))
        self.events[choice] = _merged(self.events.get(choice), event)
        if token_event.captured:
            self.spool.add(choice, token_event.captured)
        if token_event.finish_reason is not None:
            self._sample_ended(token_event)
        return event

    def _event(self, choice: int, token_event: TokenEvent) -> ChoiceEvent:
        before, number = self.events.get(choice), choice // self.job.best_of
        logprobs = token_event.logprobs if self.job.params["logprobs"] is not None else None
        return ChoiceEvent(
            choice=choice,
            position=len(before.tokens) if before else 0,
            offset=len(before.text) if before else 0,
            tokens=list(token_event.token_ids),
            text=token_event.text,
            logprobs=[_entries(entry) for entry in logprobs] if logprobs else None,
            # sample 0 scores them before the others begin; each choice that echoes needs them
            prompt_logprobs=None if before else self.prompt_logprobs.get(number),
            finish_reason=token_event.finish_reason,
            stop_reason=token_event.stop_reason,
        )

    def _sample_ended(self, token_event: TokenEvent) -> None:
        if token_event.finish_reason == "error":
            self.error = token_event.error or "the engine failed"
        del self.live[token_event.request_id]

    def result(self) -> JobResult:
        """Return the job's result: of each prompt's samples the likeliest n, best first."""
        answered = map(self._best_samples, range(len(self.job.prompts)))
        return JobResult(
            events=[event for events in answered for event in events],
            completion_tokens=self.tokens,
            engine_seconds=self.engine_seconds,
            first_token_at=self.first_token_at,
            metered=self.metered,
        )

    @property
    def has_captures(self) -> bool:
        """Tell whether there is something to store before the run is committed."""
        is_sound = not self.error and self.lease_status is LeaseStatus.RENEWED
        return is_sound and bool(self.spool)

    def captured_by_choice(self) -> dict[int, Captured]:
        """Return what was captured of the samples that are answered, by their choices."""
        captured = self.spool.captured()
        return {
            choice: captured[sample]
            for number in range(len(self.job.prompts))
            for choice, sample in self._choices(number).items()
            if sample in captured
        }

    def _best_samples(self, number: int) -> list[ChoiceEvent]:
        """Choose the best samples of one prompt, and number them as choices."""
        return [
            replace(self.events[sample], choice=choice)
            for choice, sample in self._choices(number).items()
        ]

    def _choices(self, number: int) -> dict[int, int]:
        """Return the samples of one prompt that are answered, by the numbers of their choices."""
        job = self.job
        drawn = range(number * job.best_of, (number + 1) * job.best_of)
        samples = [sample for sample in drawn if sample in self.events]
        if job.best_of == job.n:
            return {sample: sample for sample in samples}
        samples.sort(key=lambda sample: self._mean_logprob(self.events[sample]), reverse=True)
        first = number * job.n
        return {first + place: sample for place, sample in enumerate(samples[: job.n])}

    def _mean_logprob(self, event: ChoiceEvent) -> float:
        return self.logprob_sums[event.choice] / max(len(event.tokens), 1)


def _merged(before: ChoiceEvent | None, event: ChoiceEvent) -> ChoiceEvent:
    """Return a choice's event so far with the next one added.

    The lists of the one so far are extended in place: copying them at each token would cost the
    square of the text's length.
    """
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
        [token, max(entry.logprob, LEAST_LOGPROB), entry.decoded_token]
        for token, entry in logprobs.items()
    ]


def _prompt_entries(logprobs: PromptLogprobs) -> list[TokenLogprobs | None]:
    """Return the entries of a prompt's tokens, each with its rank; None for the first token."""
    return [None if entry is None else _ranked(entry) for entry in logprobs]


def _ranked(logprobs: EngineLogprobs) -> TokenLogprobs:
    return [[*entry, logprobs[entry[0]].rank] for entry in _entries(logprobs)]
