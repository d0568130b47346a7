"""Figures of the hosted models for operators: who waits, how fast the engine is, what it takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, Sum

from portal.catalog.models import ModelRepo
from portal.jobs.accounting.models import EnergySource, IdleEnergy
from portal.jobs.hosting import hosted_repos
from portal.jobs.models import Job

SPAN = timedelta(days=1)
MEASURED = Q(energy_source__in=[EnergySource.NVML, EnergySource.RAPL])


@dataclass(frozen=True)
class ModelLoad:
    """A hosted model's open jobs, and what ended within the last day.

    ``measured_wh`` is the part of ``energy_wh`` that a meter read; ``idle_wh`` went to no job.
    """

    repo: ModelRepo
    queued: int
    oldest: datetime | None
    running: int
    jobs: int
    tokens: int
    engine_seconds: float
    energy_wh: float
    measured_wh: float
    idle_wh: float

    @property
    def tokens_per_second(self) -> float | None:
        """Return the tokens of prompts and completions for each second that the engine took."""
        return self.tokens / self.engine_seconds if self.engine_seconds else None

    @property
    def energy_kwh(self) -> float:
        return self.energy_wh / 1000

    @property
    def idle_kwh(self) -> float:
        return self.idle_wh / 1000

    @property
    def is_measured(self) -> bool:
        return 0 < self.energy_wh <= self.measured_wh * 1.000001


def loads_of_hosted(now: datetime) -> list[ModelLoad]:
    """Return the load of each hosted model, in as many queries for many as for one."""
    open_jobs, ended, idle = _open(), _ended(now), _idle(now)
    return [
        ModelLoad(
            repo=repo,
            queued=open_jobs.get(repo.pk, {}).get("queued", 0),
            oldest=open_jobs.get(repo.pk, {}).get("oldest"),
            running=open_jobs.get(repo.pk, {}).get("running", 0),
            idle_wh=idle.get(repo.pk, 0.0),
            **ended.get(repo.pk, NOTHING),
        )
        for repo in hosted_repos()
    ]


NOTHING: dict[str, Any] = {
    "jobs": 0,
    "tokens": 0,
    "engine_seconds": 0.0,
    "energy_wh": 0.0,
    "measured_wh": 0.0,
}


def _open() -> dict[int, dict[str, Any]]:
    queued = Q(state=Job.State.QUEUED)
    rows = Job.objects.filter(queued | Q(state=Job.State.RUNNING)).order_by().values("repo")
    counted = rows.annotate(
        queued=Count("pk", filter=queued),
        running=Count("pk", filter=~queued),
        oldest=Min("created_at", filter=queued),
    )
    return {row["repo"]: dict(row) for row in counted}


def _ended(now: datetime) -> dict[int, dict[str, Any]]:
    rows = Job.objects.filter(ended_at__gt=now - SPAN, ended_at__lte=now).order_by().values("repo")
    summed = rows.annotate(
        jobs=Count("pk"),
        tokens=Sum("prompt_tokens") + Sum("completion_tokens"),
        engine=Sum("engine_seconds"),
        energy=Sum("energy_wh"),
        measured=Sum("energy_wh", filter=MEASURED, default=0.0),
    )
    return {
        row["repo"]: {
            "jobs": row["jobs"],
            "tokens": row["tokens"],
            "engine_seconds": row["engine"],
            "energy_wh": row["energy"],
            "measured_wh": row["measured"],
        }
        for row in summed
    }


def _idle(now: datetime) -> dict[int, float]:
    rows = IdleEnergy.objects.filter(day=now.date()).order_by().values_list("repo")
    return dict(rows.annotate(Sum("energy_wh")))
