"""Tell what a person may use of a hosted model, and how much of it is left.

A number that a grant or the gate names is that model's alone. The installation's hold for all other
models together. Tokens are counted by the day, which begins at 00:00 UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from math import inf
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from portal.access.models import GateSettings
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.policy import Limits
from portal.access.policy.quotas import SILENT, defaults_of
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.database.compiled_query import CompiledQuery
from portal.formatting import start_of_day, thousands
from portal.jobs.models import Job
from portal.jobs.querysets import Usage
from portal.jobs.words import jobs_in_words, tokens_in_words

STAND_INS: dict[str, int | datetime] = {
    "person": -101,
    "repo": -102,
    "day": datetime.min.replace(tzinfo=UTC),
}
OPEN_JOBS_RETRY_SECONDS = 2  # nobody knows when a job ends


@dataclass(frozen=True)
class Quota:
    """A person's quota of tokens for one day, and how much of it is used."""

    used: int
    limit: int
    model: str = ""  # where it is that model's alone
    waiting: bool = False  # it holds only while a request for the model is undecided

    @property
    def in_words(self) -> str:
        numbers = {"used": thousands(self.used), "limit": thousands(self.limit)}
        if self.waiting:
            text = _("%(used)s of %(limit)s tokens of %(model)s, while your request is in review")
        elif self.model:
            text = _("%(used)s of %(limit)s tokens of %(model)s")
        else:
            text = _("%(used)s of %(limit)s tokens")
        return text % {**numbers, "model": self.model}

    @property
    def left(self) -> int:
        return max(self.limit - self.used, 0)


@dataclass(frozen=True)
class Allowance:
    """The quotas that one person has of one model.

    ``has_own_tokens``, ``has_own_jobs``: a grant or the gate names that number, so that it counts
    what is used of this model alone. ``context_tokens``: None for the model's whole context.
    ``waiting_tokens``: of a day while a request is undecided, within ``tokens_per_day``.
    ``has_floor``: the jobs have a set share of the engine. ``egress_bytes_…``: of captures of this
    model; None for no limit.
    """

    repo: ModelRepo
    tokens_per_day: int
    has_own_tokens: bool
    concurrent_jobs: int
    has_own_jobs: bool
    context_tokens: int | None
    waiting_tokens: int | None
    has_floor: bool = False
    egress_bytes_per_day: int | None = None
    egress_bytes_total: int | None = None

    @property
    def most_tokens(self) -> int:
        """Return the most tokens that one day can ever give."""
        if self.waiting_tokens is None:
            return self.tokens_per_day
        return min(self.tokens_per_day, self.waiting_tokens)

    @property
    def in_words(self) -> str:
        """Say what holds beside the tokens of a day."""
        jobs = jobs_in_words(self.concurrent_jobs)
        if self.context_tokens is None:
            return _("At most %(jobs)s at a time.") % {"jobs": jobs}
        text = _("At most %(jobs)s at a time, and %(tokens)s in a prompt and its completion.")
        return text % {"jobs": jobs, "tokens": tokens_in_words(self.context_tokens)}


def allowance_of(repo: ModelRepo, limits: Limits, gate: GateSettings | None = None) -> Allowance:
    """Return what the policy's limits, the gate and the installation give of a model.

    Of several grants the largest number holds, as each of them would have given it. gate: where
    the caller has read the gate's settings already.
    """
    gate = gate or settings_of(repo)
    default = defaults_of(gate)

    def largest(name: str, *, of_gate: bool) -> tuple[int | None, bool]:
        """Return the number, and whether a grant or the gate names it."""
        numbers = [quotas.number(name) for quotas in limits.quotas or (SILENT,)]
        ranked = [
            (default.number(name), of_gate) if number is None else (number, True)
            for number in numbers
        ]
        return max(ranked, key=lambda pair: (inf if pair[0] is None else pair[0], pair[1]))

    tokens, has_own_tokens = largest("tokens_per_day", of_gate=gate.tokens_per_day > 0)
    jobs, has_own_jobs = largest("concurrent_jobs", of_gate=gate.concurrent_jobs > 0)
    context, _named = largest("context_tokens", of_gate=gate.context_tokens > 0)
    per_day, _named = largest("egress_bytes_per_day", of_gate=False)
    in_all, _named = largest("egress_bytes_total", of_gate=False)
    if limits.tokens_per_day is not None:  # what waits is among the tokens of all models
        tokens, has_own_tokens = settings.DAILY_TOKENS, False
    return Allowance(
        repo=repo,
        tokens_per_day=tokens or 0,
        has_own_tokens=has_own_tokens,
        concurrent_jobs=jobs or 0,
        has_own_jobs=has_own_jobs,
        context_tokens=context,
        waiting_tokens=limits.tokens_per_day,
        has_floor=limits.has_floor,
        egress_bytes_per_day=per_day,
        egress_bytes_total=in_all,
    )


@dataclass(frozen=True)
class QuotaUse:
    """An allowance with what is used of it: tokens today, and jobs that are open now."""

    allowance: Allowance
    today: Quota
    open_jobs: int

    @property
    def jobs_left(self) -> int:
        return max(self.allowance.concurrent_jobs - self.open_jobs, 0)

    def with_job(self, reserved_tokens: int) -> QuotaUse:
        """Return the use once one more job is open."""
        today = replace(self.today, used=self.today.used + reserved_tokens)
        return replace(self, today=today, open_jobs=self.open_jobs + 1)


def quota_use_of(person: User, allowance: Allowance, now: datetime) -> QuotaUse:
    """Count what a person uses of an allowance, in one query."""
    query = _usage(has_own_tokens=allowance.has_own_tokens, has_own_jobs=allowance.has_own_jobs)
    rows = query.rows(person=person.pk, repo=allowance.repo.pk, day=start_of_day(now))
    usage = Usage.of(rows)
    name = allowance.repo.full_name
    today = Quota(usage.tokens, allowance.tokens_per_day, name if allowance.has_own_tokens else "")
    if allowance.waiting_tokens is not None:
        waiting = Quota(usage.waiting_tokens, allowance.waiting_tokens, name, waiting=True)
        today = min(waiting, today, key=lambda quota: quota.left)
    return QuotaUse(allowance, today, usage.jobs)


@cache
def _usage(*, has_own_tokens: bool, has_own_jobs: bool) -> CompiledQuery:
    def build(**ids: Any) -> QuerySet[Job, Any]:
        of_model = Q(repo=ids["repo"])
        return Job.objects.of(ids["person"]).usage(
            ids["day"],
            tokens=of_model if has_own_tokens else Q(has_own_tokens=False),
            waiting_tokens=of_model,
            # A batch's lines take no place of the jobs that may be open.
            jobs=Q(of_model if has_own_jobs else Q(has_own_place=False), batch=None),
        )

    return CompiledQuery(build, STAND_INS)


def quota_today(person: User, now: datetime) -> Quota:
    """Return the day's quota over all models that have none of their own."""
    shared = Q(has_own_tokens=False)
    usage = Usage.of(Job.objects.of(person).usage(start_of_day(now), tokens=shared))
    return Quota(usage.tokens, settings.DAILY_TOKENS)


def quota_for(person: User, repo: ModelRepo, limits: Limits, now: datetime) -> Quota:
    """Return the quota of tokens for a model. Pages show this one, and jobs are held to it."""
    return quota_use_of(person, allowance_of(repo, limits), now).today
