"""Count rows at a moment, in a fixed number of queries, each by an index.

Tables that only grow are never counted whole: of jobs and mails those that are open, of the record
its last number.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Case, Count, F, Max, Min, Q, When
from prometheus_client.core import Metric

from portal.access.models import AccessRequest, AccessSuspension, Grant
from portal.audit.models import AuditEvent, EndingCopy
from portal.backup.history import last_backup, last_sound_rehearsal
from portal.catalog.models import RevisionCheck, StorageFinding
from portal.jobs.batches.models import LEFT, OPEN_BATCHES
from portal.jobs.models import Batch, BatchLine, Job
from portal.outbox.models import OutboxMessage
from portal.site.operations.families import age, gauge, gauges, moment

EXPIRING_SOON = timedelta(days=30)
OPEN_MAILS = (
    OutboxMessage.State.QUEUED,
    OutboxMessage.State.FAILED,
    OutboxMessage.State.BOUNCED,
)


def from_rows(now: datetime) -> Iterator[Metric]:
    yield from _requests(now)
    yield from _grants(now)
    yield from _jobs(now)
    yield from _batches()
    yield from _mails(now)
    yield from _weights()
    yield from _record()
    yield from _backups()


def _requests(now: datetime) -> Iterator[Metric]:
    State = AccessRequest.State
    counted = AccessRequest.objects.order_by().values_list("state").annotate(Count("pk"))
    states = {**dict.fromkeys(State.values, 0), **dict(counted)}
    yield gauges("weightgate_requests", "Access requests, by state", "state", states)
    oldest = AccessRequest.objects.undecided().aggregate(at=Min("submitted_at"))["at"]
    help_text = "Time since the oldest undecided request was submitted"
    yield age("weightgate_requests_oldest_undecided_seconds", help_text, oldest, now)
    late = AccessRequest.objects.overdue_at(now)
    help_text = "Requests past their due date that wait for their team"
    yield gauge("weightgate_requests_overdue", help_text, late.count())


def _grants(now: datetime) -> Iterator[Metric]:
    active = Grant.objects.active_at(now)
    statuses = {
        "active": active.count(),
        "offered": Grant.objects.offered_at(now).count(),
        "checked": Grant.objects.held_for_check(now).count(),
    }
    yield gauges("weightgate_grants", "Grants that aren’t over, by status", "status", statuses)
    help_text = "Active grants that end within 30 days"
    ending = active.ending_by(now + EXPIRING_SOON).count()
    yield gauge("weightgate_grants_expiring_soon", help_text, ending)
    suspended = AccessSuspension.objects.standing().count()
    help_text = "1 while all access is suspended since a restore"
    yield gauge("weightgate_access_suspended", help_text, suspended)


def _jobs(now: datetime) -> Iterator[Metric]:
    queued = Job.objects.filter(state=Job.State.QUEUED).order_by()
    waiting = queued.aggregate(count=Count("pk"), oldest=Min("created_at"))
    running = Job.objects.filter(state=Job.State.RUNNING).count()
    states = {"queued": waiting["count"], "running": running}
    yield gauges("weightgate_jobs", "Jobs that haven’t ended, by state", "state", states)
    help_text = "Time since the oldest queued job was made"
    yield age("weightgate_jobs_oldest_queued_seconds", help_text, waiting["oldest"], now)


def _batches() -> Iterator[Metric]:
    counted = Batch.objects.filter(state__in=OPEN_BATCHES).order_by()
    by_state = dict(counted.values_list("state").annotate(Count("pk")))
    states = {**dict.fromkeys(OPEN_BATCHES, 0), **by_state}
    yield gauges("weightgate_batches", "Batches that haven’t ended, by state", "state", states)
    lines = BatchLine.objects.filter(batch__state__in=OPEN_BATCHES, state__in=LEFT).order_by()
    by_state = dict(lines.values_list("state").annotate(Count("pk")))
    help_text = "Requests of open batches that are in no file yet, by state"
    states = {**dict.fromkeys(LEFT, 0), **by_state}
    yield gauges("weightgate_batch_lines", help_text, "state", states)


def _mails(now: datetime) -> Iterator[Metric]:
    mails = OutboxMessage.objects.order_by()
    counted = mails.filter(state__in=OPEN_MAILS).values_list("state").annotate(Count("pk"))
    states = {**dict.fromkeys(OPEN_MAILS, 0), **dict(counted)}
    help_text = "Mails in the outbox that weren’t sent, by state"
    yield gauges("weightgate_mails", help_text, "state", states)
    # Each failed try puts ``due_at`` off, so a mail that was tried has waited since it was made.
    is_new = Q(last_error="")
    late = mails.filter(~is_new | Q(due_at__lte=now), state=OutboxMessage.State.QUEUED)
    since = Case(When(is_new, then=F("due_at")), default=F("created_at"))
    oldest = late.aggregate(at=Min(since))["at"]
    help_text = "Time that the oldest mail has been waiting for the mail server"
    yield age("weightgate_mails_oldest_seconds", help_text, oldest, now)


def _weights() -> Iterator[Metric]:
    State = RevisionCheck.State
    stuck = RevisionCheck.objects.exclude(state=State.PASSED)
    counted = stuck.order_by().values_list("state").annotate(Count("pk"))
    states = {
        **dict.fromkeys((state for state in State.values if state != State.PASSED), 0),
        **dict(counted),
    }
    help_text = "Commits that only their publishers see, by the state of their check"
    yield gauges("weightgate_commits_in_quarantine", help_text, "state", states)
    Kind = StorageFinding.Kind
    open_findings = StorageFinding.objects.filter(mended_at=None).order_by()
    by_kind = dict(open_findings.values_list("kind").annotate(Count("pk")))
    help_text = "Blobs that have changed, are gone, or belong to nothing, by which"
    kinds = {**dict.fromkeys(Kind.values, 0), **by_kind}
    yield gauges("weightgate_storage_findings", help_text, "kind", kinds)


def _record() -> Iterator[Metric]:
    last = AuditEvent.objects.aggregate(last=Max("sequence"))["last"]
    yield gauge("weightgate_audit_events", "Events in the hash chain", last or 0)
    waiting = EndingCopy.objects.filter(copied_at=None).count() if settings.ENDINGS_LOG else 0
    help_text = "Ends of access that the log of endings doesn’t hold yet"
    yield gauge("weightgate_endings_waiting", help_text, waiting)


def _backups() -> Iterator[Metric]:
    help_text = "When the last backup was made; 0 for never"
    yield moment("weightgate_backup_last_timestamp_seconds", help_text, last_backup())
    help_text = "When a rehearsal last found a backup sound; 0 for never"
    name = "weightgate_rehearsal_last_sound_timestamp_seconds"
    yield moment(name, help_text, last_sound_rehearsal())
