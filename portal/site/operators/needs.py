"""Find what needs an operator now: each with the page where it is mended.

The number of queries doesn't grow with the number of rows, and each counts by an index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Min, OuterRef
from django.urls import reverse

from portal.access.models import AccessRequest, AccessSuspension
from portal.catalog.models import NamespaceSeat, StorageFinding, TeamMember
from portal.formatting import counted, duration
from portal.jobs.hosting import UnservedRepo, unserved_repos
from portal.jobs.models import Job
from portal.outbox.models import OutboxMessage

MAIL_SPAN = timedelta(days=30)  # what failed before is history: nobody waits for it any more
STUCK_AFTER = timedelta(hours=1)
SHOWN = 5


@dataclass(frozen=True)
class OperatorNeed:
    """Something to mend: ``text`` says what is wrong, ``act`` what the page at ``url`` is for."""

    tone: str
    text: str
    act: str
    url: str


def needs_now(now: datetime) -> list[OperatorNeed]:
    """Return what needs an operator, what stops people first."""
    return [
        *_suspension(),
        *_workers(now),
        *_storage(),
        *_mail(now),
        *_jobs(now),
        *_cases(now),
    ]


def _suspension() -> Iterator[OperatorNeed]:
    if AccessSuspension.objects.standing().exists():
        words = "All access is suspended since a restore."
        yield OperatorNeed("stop", words, "See the checks", reverse("site:checks"))


def _workers(now: datetime) -> Iterator[OperatorNeed]:
    unserved = unserved_repos(now)
    for lack in unserved[:SHOWN]:
        tone, why = _absence(lack)
        words = f"{lack.repo.full_name} {why}."
        yield OperatorNeed(tone, words, "See the workers", reverse("jobs:serving"))
    if (more := len(unserved) - SHOWN) > 0:
        words = f"{counted(more, 'more model')} without a worker."
        yield OperatorNeed("stop", words, "See the workers", reverse("jobs:serving"))


def _absence(lack: UnservedRepo) -> tuple[str, str]:
    if lack.failure:
        return "stop", "can’t be loaded by its worker"
    if lack.awaited:
        return "wait", "waits for its worker, which was here a short while ago"
    return "stop", "is served by no worker"


def _storage() -> Iterator[OperatorNeed]:
    open_findings = StorageFinding.objects.filter(mended_at=None).order_by()
    by_kind = dict(open_findings.values_list("kind").annotate(Count("pk")))
    for kind, label in StorageFinding.Kind.choices:
        if number := by_kind.get(kind):
            tone = "wait" if kind == StorageFinding.Kind.ORPHAN else "stop"
            words = f"{label}: {counted(number, 'blob')} of the store."
            yield OperatorNeed(tone, words, "See the findings", reverse("site:storage"))


def _mail(now: datetime) -> Iterator[OperatorNeed]:
    State = OutboxMessage.State
    lost = OutboxMessage.objects.filter(
        state__in=[State.FAILED, State.BOUNCED], due_at__gt=now - MAIL_SPAN
    )
    by_state = dict(lost.order_by().values_list("state").annotate(Count("pk")))
    page = reverse("site:operators_mail")
    if failed := by_state.get(State.FAILED):
        words = f"{counted(failed, 'letter')} of the last 30 days could not be sent."
        yield OperatorNeed("stop", words, "See the letters", page)
    if bounced := by_state.get(State.BOUNCED):
        words = f"{counted(bounced, 'letter')} of the last 30 days came back."
        yield OperatorNeed("wait", words, "See the letters", f"{page}?state=bounced")
    tried = OutboxMessage.objects.filter(state=State.QUEUED, attempts__gt=0)
    if waiting := tried.count():
        verb = "waits" if waiting == 1 else "wait"
        words = f"{counted(waiting, 'letter')} {verb} for the mail server to take mail."
        yield OperatorNeed("stop", words, "See the letters", f"{page}?state=queued")


def _jobs(now: datetime) -> Iterator[OperatorNeed]:
    late = Job.objects.filter(state=Job.State.QUEUED, created_at__lt=now - STUCK_AFTER).order_by()
    stuck = late.aggregate(number=Count("pk"), oldest=Min("created_at"))
    if stuck["number"]:
        words = (
            f"{counted(stuck['number'], 'job')} in the queue for more than an hour, "
            f"the oldest for {duration(now - stuck['oldest'])}."
        )
        yield OperatorNeed("wait", words, "See the workers", reverse("jobs:serving"))
    lost = Job.objects.filter(state=Job.State.RUNNING, lease_until__lt=now - STUCK_AFTER).count()
    if lost:
        words = f"{counted(lost, 'job')} left running by a worker that is gone."
        yield OperatorNeed("stop", words, "See the checks", reverse("site:checks"))


def _cases(now: datetime) -> Iterator[OperatorNeed]:
    """Yield each model with overdue cases that has nobody on its team."""
    on_team = Exists(TeamMember.objects.filter(repo=OuterRef("repo")))
    in_lab = Exists(NamespaceSeat.objects.filter(namespace=OuterRef("repo__namespace")))
    alone = AccessRequest.objects.overdue_at(now).filter(~on_team, ~in_lab).order_by()
    rows = alone.values_list("repo__namespace__name", "repo__name").annotate(number=Count("pk"))
    for namespace, name, number in rows.order_by("-number")[:SHOWN]:
        words = f"{counted(number, 'overdue case')} of {namespace}/{name}, which has no team."
        yield OperatorNeed(
            "stop", words, "Name a team", reverse("access:gate", args=[namespace, name])
        )
