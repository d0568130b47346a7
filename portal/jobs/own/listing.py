"""Select and add up a person's own jobs, without the lines of batches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from django.db.models import BooleanField, Case, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.jobs.accounting.usage import UsageSum, sums_by_currency
from portal.jobs.models import Job
from portal.jobs.querysets import JobQuerySet

REVERSED = _("The last day is before the first. Swap them.")


@dataclass(frozen=True)
class JobFilters:
    """A choice among one's jobs; what is empty chooses nothing. Days are in UTC, both counted."""

    state: str = ""
    source: str = ""
    model: str = ""
    first: date | None = None
    last: date | None = None

    @property
    def is_narrowed(self) -> bool:
        return self != JobFilters()

    @property
    def condition(self) -> Q:
        chosen = Q(state=self.state) if self.state else Q()
        chosen &= Q(source=self.source) if self.source else Q()
        if self.model:
            namespace, _, name = self.model.partition("/")
            chosen &= Q(repo__namespace__name=namespace, repo__name=name)
        if self.first:
            chosen &= Q(created_at__gte=datetime.combine(self.first, time.min, UTC))
        if self.last:
            chosen &= Q(created_at__lte=datetime.combine(self.last, time.max, UTC))
        return chosen


def own_jobs(person: User, filters: JobFilters) -> QuerySet[Job]:
    """Select the newest first. Each has ``has_prompt``: whether its prompt is still kept."""
    has_prompt = Case(
        When(prompts=[], then=Value(False)), default=Value(True), output_field=BooleanField()
    )
    jobs = _chosen(person, filters).with_names().annotate(has_prompt=has_prompt)
    listed: QuerySet[Job] = jobs.defer("prompts", "result_json", "white_box", "chat_json")
    return listed


def sums_of_own(person: User, filters: JobFilters) -> list[UsageSum]:
    """Add up the jobs that were chosen, open ones too: one query, a line for each currency."""
    return sums_by_currency(_chosen(person, filters))


def models_of_own(person: User) -> list[str]:
    """Name the models that the person ever ran a job on."""
    used = Job.objects.of(person).filter(batch=None).order_by().values("repo").distinct()
    repos = ModelRepo.objects.filter(pk__in=used).values_list("namespace__name", "name")
    return sorted(f"{namespace}/{name}" for namespace, name in repos)


def _chosen(person: User, filters: JobFilters) -> JobQuerySet[Job]:
    return Job.objects.of(person).filter(filters.condition, batch=None)
