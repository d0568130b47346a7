"""A job: one request for completions, from its row in the queue to its result."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from portal.access.policy.policy import Action
from portal.accounts.models import AccessToken, Organization
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import ModelRepo, Revision
from portal.database.binding import values_apart
from portal.jobs.accounting.models import EnergySource, IdleEnergy, Tariff
from portal.jobs.batches.models import Batch, BatchLine, StoredFile, StoredPart
from portal.jobs.captures.models import CapturedBlob, CaptureFile, CaptureShard
from portal.jobs.captures.rights import action_for
from portal.jobs.disclosure.models import JobDisclosure
from portal.jobs.querysets import OPEN_STATES, JobQuerySet
from portal.observability import traces
from portal.observability.request_ids import http_request_id

__all__ = [
    "BATCH",
    "INTERACTIVE",
    "Batch",
    "BatchLine",
    "CaptureFile",
    "CaptureShard",
    "CapturedBlob",
    "EnergySource",
    "IdleEnergy",
    "Job",
    "JobDisclosure",
    "ResultEvents",
    "StoredFile",
    "StoredPart",
    "Tariff",
]

# Priorities: the lower goes first. Batches yield to whoever waits for an answer.
INTERACTIVE, BATCH = 0, 10

RESULT_START, RESULT_COMMA, RESULT_END = '{"events": [', ", ", "]}"


class ResultEvents(Iterator[dict[str, Any]]):
    """An iterator over a result's events, each decoded as it is reached and not held afterwards.

    A result may take tens of megabytes, and decoding it at once would hold the interpreter's lock,
    and so stop every other thread, for as long as that takes.
    """

    def __init__(self, result_json: str) -> None:
        self._text = result_json
        self._at = len(RESULT_START)
        self._decoder = json.JSONDecoder()

    def __next__(self) -> dict[str, Any]:
        if self._at >= len(self._text) or self._text.startswith(RESULT_END, self._at):
            raise StopIteration
        event: dict[str, Any]
        event, self._at = self._decoder.raw_decode(self._text, self._at)
        if self._text.startswith(RESULT_COMMA, self._at):
            self._at += len(RESULT_COMMA)
        return event


class ServedRevision(models.Model):
    """A revision that a worker served, and when it last said so; rows stay when Redis is emptied.

    One row for each revision, not for each repo: while one worker ends the jobs of the earlier
    revision, another may serve the next.
    """

    revision = models.OneToOneField(
        Revision, primary_key=True, on_delete=models.CASCADE, related_name="served"
    )
    last_seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.revision_id} at {self.last_seen_at}"


class Job(models.Model):
    """A request for completions, with its state and its result.

    ``prompts`` holds token ids: text is tokenized before the row is made.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")
        EXPIRED = "expired", _("Expired")

    class Kind(models.TextChoices):
        COMPLETION = "completion"

    class Source(models.TextChoices):
        API = "api", _("API")
        PLAYGROUND = "playground", _("Playground")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="jobs"
    )
    token = models.ForeignKey(AccessToken, null=True, on_delete=models.PROTECT, related_name="jobs")
    repo = models.ForeignKey(ModelRepo, on_delete=models.PROTECT, related_name="jobs")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="jobs")
    # The batch of which it is a line, which stays once the batch's lines are deleted.
    batch = models.ForeignKey(
        Batch, null=True, on_delete=models.PROTECT, related_name="jobs", db_index=False
    )
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.COMPLETION)
    source = models.CharField(max_length=10, choices=Source, default=Source.API)
    model_name = models.CharField(max_length=200)
    params = models.JSONField()
    # The days for which its texts are kept, as the model's were set when it was made.
    text_days = models.PositiveSmallIntegerField(null=True, editable=False)
    seed_drawn = models.BooleanField(default=False)  # by the portal: the request named none
    prompts = models.JSONField()
    # What it captures and changes inside the model, as was sent; None where nothing.
    white_box = models.JSONField(null=True)
    # The chat of which its prompt was made, as JSON; empty for a completion. Not jsonb, which
    # refuses the character U+0000.
    chat_json = models.TextField(blank=True, default="", db_default="")
    n = models.PositiveSmallIntegerField(default=1)
    samples = models.PositiveIntegerField(
        default=1
    )  # over all prompts, whose text is purged after a while
    echo = models.BooleanField(default=False)
    stream = models.BooleanField(default=False)

    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    priority = models.SmallIntegerField(default=INTERACTIVE)
    # The organization whose share of the engine it takes: the person's, when they submitted it.
    organization = models.ForeignKey(
        Organization, null=True, on_delete=models.PROTECT, related_name="jobs", db_index=False
    )
    # One of those that together have a set share of the engine, whoever else waits.
    has_floor = models.BooleanField(default=False, db_default=False)
    attempt = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=120, blank=True)
    cancel_requested = models.BooleanField(default=False)

    # The HTTP request that made the row; in the log it is ``request_id``.
    http_request_id = models.CharField(
        max_length=32, blank=True, default=http_request_id, db_default="", editable=False
    )
    # Its span, where traces are made.
    trace_parent = models.CharField(
        max_length=traces.LENGTH,
        blank=True,
        default=traces.trace_parent,
        db_default="",
        editable=False,
    )
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    first_token_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    result_json = models.TextField(blank=True)  # not jsonb, which refuses the character U+0000
    error = models.TextField(blank=True)

    # A grant or the gate named this quota of the model, so the job doesn't count in that of all.
    has_own_tokens = models.BooleanField(default=False, db_default=False)
    has_own_place = models.BooleanField(default=False, db_default=False)
    reserved_tokens = models.PositiveIntegerField()
    prompt_tokens = models.PositiveIntegerField()
    # The most bytes that its captures may come to, and those that left once it had succeeded.
    reserved_capture_bytes = models.PositiveBigIntegerField(default=0, db_default=0)
    capture_bytes = models.PositiveBigIntegerField(default=0, db_default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    engine_seconds = models.FloatField(default=0)
    energy_wh = models.FloatField(default=0)
    # Empty where no energy was used, and for jobs from before there was a meter: estimates.
    energy_source = models.CharField(
        max_length=8, choices=EnergySource, blank=True, default="", db_default=""
    )
    co2_g = models.FloatField(default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=8, default=0)
    # None: priced with the figures in settings. Tariffs are never deleted, so no constraint
    # needs to look through the table when it is added.
    tariff = models.ForeignKey(
        Tariff,
        null=True,
        on_delete=models.PROTECT,
        related_name="jobs",
        db_constraint=False,
        db_index=False,
    )
    currency = models.CharField(max_length=3)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(
                fields=["repo", "priority", "created_at"],
                condition=models.Q(state="queued"),
                name="jobs_waiting",
            ),
            models.Index(
                "revision",
                "person",
                "priority",
                "has_floor",
                Coalesce("organization", Value(0, output_field=models.BigIntegerField())),
                "created_at",
                "id",
                condition=models.Q(state="queued"),
                name="jobs_in_lanes",
            ),
            models.Index(
                fields=["lease_until"], condition=models.Q(state="running"), name="jobs_leased"
            ),
            models.Index(fields=["person", "created_at"], name="jobs_of_person"),
            models.Index(fields=["ended_at"], name="jobs_ended"),
            models.Index(
                fields=["batch", "created_at"],
                condition=models.Q(batch__isnull=False),
                name="jobs_of_batch",
            ),
            models.Index(
                fields=["person", "repo", "created_at"],
                condition=models.Q(reserved_capture_bytes__gt=0),
                name="jobs_with_captures",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="job_ended_has_time",
                condition=models.Q(state__in=OPEN_STATES, ended_at=None)
                | (~models.Q(state__in=OPEN_STATES) & models.Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="job_running_has_lease",
                condition=models.Q(state="running", lease_until__isnull=False, attempt__gt=0)
                | (~models.Q(state="running") & models.Q(lease_until=None)),
            ),
            models.CheckConstraint(
                name="job_succeeded_has_result",
                condition=~models.Q(state="succeeded") | ~models.Q(result_json=""),
            ),
            models.CheckConstraint(
                name="job_failed_says_why",
                condition=~models.Q(state__in=["failed", "expired"]) | ~models.Q(error=""),
            ),
        ]

    def __str__(self) -> str:
        return f"Job {self.pk} on {self.model_name}"

    def save(self, *args: Any, **names: Any) -> None:
        with values_apart():
            super().save(*args, **names)

    @property
    def is_measured(self) -> bool:
        """Tell if a meter read its energy, rather than an assumed power giving it."""
        return self.energy_source in (EnergySource.NVML, EnergySource.RAPL)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def is_batch(self) -> bool:
        """Tell whether it yields to those for which somebody waits."""
        return self.priority >= BATCH

    @property
    def caller(self) -> Caller:
        """Return the person who made the request, with the token that they used."""
        return Caller(self.person, self.token)

    @property
    def action(self) -> Action:
        """Return the use of the model that it is: text alone, or more."""
        scores = ("logprobs", "prompt_logprobs")
        return action_for(
            is_scored=any(self.params.get(name) is not None for name in scores),
            looks_inside=self.white_box is not None,
        )

    @property
    def chat(self) -> dict[str, Any] | None:
        """Return what is kept of its chat; None for a completion, and once that is forgotten."""
        return json.loads(self.chat_json) if self.chat_json else None

    @property
    def choice_count(self) -> int:
        """Return how many choices are answered."""
        return len(self.prompts) * self.n

    @property
    def best_of(self) -> int:
        """Return how many samples are drawn for each prompt; the likeliest ``n`` are answered."""
        return int(self.params.get("best_of") or self.n)

    @property
    def sample_count(self) -> int:
        """Return how many samples are drawn; ``samples`` is this too, once prompts are gone."""
        return len(self.prompts) * self.best_of

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return the result: for each choice one event that holds all of it, as ``ChoiceEvent``."""
        return list(self.each_event())

    def each_event(self) -> Iterator[dict[str, Any]]:
        """Decode the result choice by choice."""
        return ResultEvents(self.result_json)

    def keep_result(self, events: Iterable[dict[str, Any]]) -> None:
        """Write the result down as ``each_event`` reads it."""
        body = RESULT_COMMA.join(map(json.dumps, events))
        self.result_json = f"{RESULT_START}{body}{RESULT_END}"

    @property
    def waited(self) -> timedelta | None:
        return self.started_at - self.created_at if self.started_at else None

    @property
    def first_token_after(self) -> timedelta | None:
        return self.first_token_at - self.created_at if self.first_token_at else None

    def running_time(self, now: datetime) -> timedelta | None:
        return (self.ended_at or now) - self.started_at if self.started_at else None

    @property
    def tokens_per_second(self) -> float | None:
        """Return the speed from the first token to the end; None where that says nothing."""
        if not (self.first_token_at and self.ended_at) or self.completion_tokens < 2:
            return None
        seconds = (self.ended_at - self.first_token_at).total_seconds()
        return (self.completion_tokens - 1) / seconds if seconds > 0 else None
