"""Add up the use of hosted models: by month, model, person or organization."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth
from django.utils.dateformat import format as date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.access.policy.administering import SeenUsage
from portal.catalog.models import ModelRepo
from portal.jobs.models import EnergySource, IdleEnergy, Job

NO_ORGANIZATION = gettext_lazy("No organization proved")
MEASURED = Q(energy_source__in=[EnergySource.NVML, EnergySource.RAPL])


class UsageGrouping(StrEnum):
    """The ways to add use up."""

    MONTH = "month"
    MODEL = "model"
    PERSON = "person"
    ORGANIZATION = "organization"


@dataclass(frozen=True)
class UsageSum:
    """The jobs that ended, added up, and the idle energy beside them.

    ``key`` is a month such as 2026-11, a model's name, a username or an organization's name.
    ``measured_wh`` is the part of ``energy_wh`` that a meter read. ``idle_wh`` is None where a line
    isn't about whole models.
    """

    key: str
    label: str
    currency: str
    jobs: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    engine_seconds: float = 0.0
    energy_wh: float = 0.0
    measured_wh: float = 0.0
    co2_g: float = 0.0
    cost: Decimal = Decimal(0)
    idle_wh: float | None = None
    idle_co2_g: float | None = None

    @property
    def measured(self) -> str:
        """Return how its energy is known: measured, estimated, partly measured; "" for none."""
        if not self.energy_wh:
            return ""
        if self.measured_wh <= 0:
            return _("estimated")
        is_whole = self.measured_wh >= self.energy_wh * 0.999999
        return _("measured") if is_whole else _("partly measured")

    @property
    def energy_kwh(self) -> float:
        return self.energy_wh / 1000

    @property
    def co2_kg(self) -> float:
        return self.co2_g / 1000

    @property
    def idle_kwh(self) -> float | None:
        return None if self.idle_wh is None else self.idle_wh / 1000

    @property
    def engine_hours(self) -> float:
        return self.engine_seconds / 3600


@dataclass(frozen=True)
class _Key:
    """The fields by which jobs are grouped, and how a group is named."""

    fields: tuple[str, ...]
    name: Callable[[dict[str, Any]], tuple[str, str]]
    of_models: bool = False


def _month(row: dict[str, Any]) -> tuple[str, str]:
    return f"{row['month']:%Y-%m}", date_format(row["month"], "F Y")


def _model(row: dict[str, Any]) -> tuple[str, str]:
    name = f"{row['repo__namespace__name']}/{row['repo__name']}"
    return name, name


def _person(row: dict[str, Any]) -> tuple[str, str]:
    return row["person__username"], row["person__name"] or row["person__username"]


def _organization(row: dict[str, Any]) -> tuple[str, str]:
    name = row["organization__name"] or ""
    return name, name or str(NO_ORGANIZATION)


KEYS = {
    UsageGrouping.MONTH: _Key(("month",), _month, of_models=True),
    UsageGrouping.MODEL: _Key(("repo__namespace__name", "repo__name"), _model, of_models=True),
    UsageGrouping.PERSON: _Key(("person__username", "person__name"), _person),
    UsageGrouping.ORGANIZATION: _Key(("organization_id", "organization__name"), _organization),
}
SUMS = {
    "jobs": Count("pk"),
    **{name: Sum(name) for name in ("prompt_tokens", "completion_tokens", "engine_seconds")},
    "used_wh": Sum("energy_wh"),
    "measured_wh": Sum("energy_wh", filter=MEASURED),
    "used_co2_g": Sum("co2_g"),
    "used_cost": Sum("cost"),
}


ADDED = (
    *("jobs", "prompt_tokens", "completion_tokens", "engine_seconds", "energy_wh"),
    *("measured_wh", "co2_g", "cost"),
)


def usage_sums(
    seen: SeenUsage,
    by: UsageGrouping,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    repo: ModelRepo | None = None,
) -> list[UsageSum]:
    """Add up the jobs that ended from ``since`` on and before ``until``; two queries at most.

    The newest month comes first, else what used the most energy. Jobs in two currencies make two
    lines.
    """
    key, jobs = KEYS[by], _jobs(seen, since, until, repo)
    rows = jobs.annotate(month=TruncMonth("ended_at", tzinfo=UTC))
    rows = rows.values(*key.fields, "currency").annotate(**SUMS)
    sums = [_sum(*key.name(row), row) for row in rows]
    if key.of_models:
        sums = _with_idle(sums, key, _idle(seen, since, until, repo))
    if by == UsageGrouping.MONTH:
        return sorted(sums, key=lambda line: (line.key, line.currency), reverse=True)
    return sorted(sums, key=lambda line: (-line.energy_wh, line.key, line.currency))


def sums_by_currency(jobs: QuerySet[Job]) -> list[UsageSum]:
    """Add up these jobs in one query, whether or not they ended: a line for each currency."""
    rows = jobs.order_by().values("currency").annotate(**SUMS).order_by("currency")
    return [_sum("", "", {**row}) for row in rows]


def in_all(sums: list[UsageSum]) -> list[UsageSum]:
    """Add up lines, in one line for each currency."""
    totals: dict[str, UsageSum] = {}
    for line in sums:
        total = totals.get(line.currency)
        totals[line.currency] = _added(total, line) if total else replace(line, key="", label="")
    return list(totals.values())


def _added(total: UsageSum, line: UsageSum) -> UsageSum:
    changes = {name: getattr(total, name) + getattr(line, name) for name in ADDED}
    for name in ("idle_wh", "idle_co2_g"):
        parts = [part for part in (getattr(total, name), getattr(line, name)) if part is not None]
        changes[name] = sum(parts) if parts else None
    return replace(total, **changes)


def _within(field: str, since: Any, until: Any, repo: ModelRepo | None) -> Q:
    within = Q(repo=repo) if repo else Q()
    within &= Q(**{f"{field}__gte": since}) if since else Q()
    return within & (Q(**{f"{field}__lt": until}) if until else Q())


def _jobs(
    seen: SeenUsage, since: datetime | None, until: datetime | None, repo: ModelRepo | None
) -> QuerySet[Job]:
    ended = Q(ended_at__isnull=False) & _within("ended_at", since, until, repo)
    return Job.objects.filter(seen.jobs, ended).order_by()


def _idle(
    seen: SeenUsage, since: datetime | None, until: datetime | None, repo: ModelRepo | None
) -> QuerySet[IdleEnergy]:
    """Select idle energy by days: a day counts if it begins within the time."""
    first, last = (moment and moment.astimezone(UTC).date() for moment in (since, until))
    days = _within("day", first, last, repo)
    return IdleEnergy.objects.filter(seen.idle, days).order_by()


def _sum(key: str, label: str, row: dict[str, Any]) -> UsageSum:
    return UsageSum(
        key=key,
        label=label,
        currency=row["currency"],
        jobs=row["jobs"],
        prompt_tokens=row["prompt_tokens"],
        completion_tokens=row["completion_tokens"],
        engine_seconds=row["engine_seconds"],
        energy_wh=row["used_wh"],
        measured_wh=row["measured_wh"] or 0.0,
        co2_g=row["used_co2_g"],
        cost=row["used_cost"],
    )


def _with_idle(sums: list[UsageSum], key: _Key, idle: QuerySet[IdleEnergy]) -> list[UsageSum]:
    """Add idle energy to the first line of its key, or in a line of its own where nobody asked."""
    rows = idle.annotate(month=TruncMonth("day")).values(*key.fields)
    rows = rows.annotate(wh=Sum(F("energy_wh")), grams=Sum(F("co2_g")))
    lines: dict[str, list[UsageSum]] = {}
    for line in sums:
        lines.setdefault(line.key, []).append(line)
    for row in rows:
        name, label = key.name(row)
        first, *others = lines.get(name) or [UsageSum(name, label, settings.CURRENCY)]
        idling = replace(first, idle_wh=row["wh"], idle_co2_g=row["grams"])
        lines[name] = [idling, *others]
    return [line for several in lines.values() for line in several]
