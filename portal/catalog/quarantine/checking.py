"""Check received revisions: small ones within the request, large ones by a worker.

The row is the work: whoever takes it holds a lease, and a lease that has lapsed is taken over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.contents import Content
from portal.catalog.engine_choice import trying_engine
from portal.catalog.errors import NotPublishable
from portal.catalog.findings import Findings
from portal.catalog.models import EngineName, ModelRepo, Revision, RevisionCheck
from portal.catalog.models.checks import LEASE
from portal.catalog.quarantine.laying_out import bytes_to_fetch
from portal.catalog.quarantine.looking import Verdict, bytes_to_read, look_at
from portal.catalog.quarantine.passing import pass_revision
from portal.catalog.quarantine.questions import Questions, questions_of
from portal.catalog.services.lookup import contents_of, head_revision
from portal.queue import enqueue

NOTED_EVERY = timedelta(seconds=1)
TASK = "catalog.check"
MOST_ATTEMPTS = 3
BROKEN_OFF = "The check broke off each time: ask the operator, whose log has the reason, then retry"
State = RevisionCheck.State
log = logging.getLogger(__name__)
Clock = Callable[[], datetime]


class CheckTakenOver(Exception):
    """An error for a check that is somebody else's by now, or nobody's: its revision is hidden."""


def check_soon(revision: Revision, clock: Clock) -> Revision:
    """Check a received revision at once where little is to be read, else hint to a worker.

    Call it after the commit that received it. Return the revision as it is then.
    """
    if not revision.is_quarantined:
        return revision
    contents = list(contents_of(revision).values())
    total = bytes_to_read(contents, _passed_before(revision.repo))
    checks = RevisionCheck.objects.filter(revision=revision, state=State.CHECKING)
    checks.update(total_bytes=total)
    # The lease of who received it; a check that somebody is at stays theirs.
    checks.filter(attempt=0).update(lease_until=None)
    starts_vllm = total and settings.VLLM and _is_for_vllm(contents, revision.repo)
    if starts_vllm or total + bytes_to_fetch(contents) > settings.CHECK_IN_REQUEST_BYTES:
        enqueue(TASK)
    else:
        run_check(revision.pk, clock)
    revision.refresh_from_db(from_queryset=Revision.everything.all())
    return revision


def _is_for_vllm(contents: list[Content], repo: ModelRepo) -> bool:
    """Tell whether vLLM is to try the files, which takes longer than a client waits."""
    return trying_engine(contents, repo.engine) == EngineName.VLLM


def _passed_before(repo: ModelRepo) -> list[Content]:
    head = head_revision(repo)
    return list(contents_of(head).values()) if head else []


def check_again(revision: Revision, clock: Clock) -> Revision:
    """Check a revision in quarantine anew, as after a change of the model's settings.

    The caller has checked the right to publish.
    """
    ended = RevisionCheck.objects.filter(revision=revision).exclude(
        state__in=(State.CHECKING, State.PASSED)
    )
    if not ended.update(state=State.CHECKING, ended_at=None, received_at=clock()):
        return revision
    return check_soon(revision, clock)


def run_next(clock: Clock) -> bool:
    """Do the check that has waited for longest. Return False where there is none to be done."""
    revision_id = RevisionCheck.objects.to_do_at(clock()).values_list("pk", flat=True).first()
    if revision_id is None:
        return False
    run_check(revision_id, clock)
    return True


def run_check(revision_id: int, clock: Clock) -> None:
    """Check a revision unless somebody is at it, and let it pass, or keep it and say why."""
    attempt = _claim(revision_id, clock())
    if attempt is None:
        return
    revision = Revision.everything.select_related("repo__namespace", "author").get(pk=revision_id)
    contents = list(contents_of(revision).values())
    before = _passed_before(revision.repo)
    progress = Progress(revision_id, attempt, clock)
    try:
        verdict = look_at(
            contents,
            before=before,
            allow_pickle=revision.repo.pickles_allowed,
            now=clock(),
            advance=progress.advance,
            engine=revision.repo.engine,
        )
        settle(revision, verdict, attempt=attempt, now=clock())
    except CheckTakenOver:
        return
    except Exception:
        # A disk or a bucket that fails may do better at the next attempt, when the lease is over.
        log.exception("The check of revision %s broke off", revision.commit)
        if attempt >= MOST_ATTEMPTS:
            broken = Verdict(Findings(problems=[BROKEN_OFF]))
            settle(revision, broken, attempt=attempt, now=clock())


def _claim(revision_id: int, now: datetime) -> int | None:
    """Take a check for as long as the lease runs. Return the attempt's number, or None."""
    free = RevisionCheck.objects.to_do_at(now).filter(pk=revision_id)
    claimed = free.order_by().update(
        lease_until=now + LEASE, attempt=F("attempt") + 1, read_bytes=0, path=""
    )
    if not claimed:
        return None
    return RevisionCheck.objects.values_list("attempt", flat=True).get(pk=revision_id)


class Progress:
    """The notes of how far a check has come, which also renew its lease."""

    def __init__(self, revision_id: int, attempt: int, clock: Clock) -> None:
        self._rows = RevisionCheck.objects.filter(pk=revision_id, attempt=attempt)
        self._clock, self._read, self._noted_at = clock, 0, clock()

    def advance(self, path: str, size_bytes: int) -> None:
        """Note bytes that were read, once a second at most. Raises CheckTakenOver."""
        self._read += size_bytes
        now = self._clock()
        if now - self._noted_at < NOTED_EVERY:
            return
        self._noted_at = now
        noted = self._rows.filter(state=State.CHECKING).update(
            read_bytes=self._read, path=path, lease_until=now + LEASE
        )
        if not noted:
            raise CheckTakenOver


@transaction.atomic
def settle(revision: Revision, verdict: Verdict, *, attempt: int, now: datetime) -> None:
    """End a check: what is whole, right and agreed to passes, the rest stays, with the reasons."""
    repo = (
        ModelRepo.objects.select_for_update(of=("self",), no_key=True)
        .with_names()
        .get(pk=revision.repo_id)
    )
    check = RevisionCheck.objects.select_for_update(no_key=True).filter(
        pk=revision.pk, attempt=attempt, state=State.CHECKING
    )
    row = check.first()
    if row is None or not Revision.in_history.filter(pk=revision.pk).exists():
        raise CheckTakenOver
    revision.repo = repo
    row.facts = dict(verdict.facts)
    _end(row, revision, verdict.findings, actor=revision.author, now=now)


@transaction.atomic
def release_consented(repo: ModelRepo, *, actor: User, now: datetime) -> None:
    """Let those revisions pass that waited for a consent which stands now; the oldest first.

    The caller has locked the repo. What was checked isn't checked again.
    """
    waiting = RevisionCheck.objects.waiting_for_consent(repo).select_for_update(
        of=("self",), no_key=True
    )
    for row in waiting.select_related("revision__parent", "revision__author"):
        revision = row.revision
        revision.repo = repo
        if not questions_of(revision):
            _end(row, revision, Findings(warnings=row.warnings), actor=actor, now=now)


def end_copied(revision: Revision, *, actor: User, now: datetime) -> None:
    """End the check of files that have passed where they were copied from."""
    if not revision.is_quarantined:
        return
    row = RevisionCheck.objects.select_for_update(no_key=True).get(revision=revision)
    _end(row, revision, Findings(), actor=actor, now=now)


def _end(
    row: RevisionCheck, revision: Revision, findings: Findings, *, actor: User, now: datetime
) -> None:
    """Write a check's end down, and record it."""
    questions = Questions()
    if not findings.problems and not findings.missing:
        questions = questions_of(revision)
        findings = findings if questions else _passed(revision, row, findings, actor, now)
    _write(row, findings, questions, now)
    if row.state == State.PASSED:
        return
    record(
        EventType.REVISION_HELD_BACK,
        actor=None,
        target=revision,
        at=now,
        repo=revision.repo.full_name,
        commit=revision.commit,
        state=row.state,
        reasons=[*row.problems, *row.missing, *questions.words],
    )


def _passed(
    revision: Revision, row: RevisionCheck, findings: Findings, actor: User, now: datetime
) -> Findings:
    """Let a revision pass with its logbook, or return what is wrong with that."""
    try:
        with transaction.atomic():
            pass_revision(revision, actor=actor, now=now, facts=row.facts)
    except NotPublishable as error:
        revision.passed_at = None
        return Findings(problems=error.problems, warnings=findings.warnings)
    return findings


def _write(row: RevisionCheck, findings: Findings, questions: Questions, now: datetime) -> None:
    if findings.problems:
        row.state = State.FAILED
    elif findings.missing:
        row.state = State.INCOMPLETE
    else:
        row.state = State.CONSENT if questions else State.PASSED
    row.problems, row.missing = findings.problems, findings.missing
    row.warnings, row.ended_at, row.lease_until = findings.warnings, now, None
    row.read_bytes, row.path = row.total_bytes, ""
    row.save()
