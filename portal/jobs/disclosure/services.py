"""Ask to read one job's texts, confirm that another may, and read them while that is open."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from portal.accounts.models import User
from portal.accounts.operating import require_operator
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import FieldErrors, Forbidden, InvalidTransition
from portal.jobs.disclosure.letters import tell_writer
from portal.jobs.disclosure.models import OPEN_FOR, JobDisclosure
from portal.jobs.disclosure.texts import DisclosedText, texts_of
from portal.jobs.errors import DisclosureNotFound
from portal.jobs.models import Job
from portal.parsing.texts import require_text

READ_PROMPTS = "ask to read a prompt"
ANSWER_PREFIX = "cmpl-"  # of the id in an answer of /v1
NO_JOB = "No job has this id. Take it from a log line, an answer’s id or the record."
NOTHING_LEFT = "The prompt and the output of this job are forgotten, so nobody can read them."


def disclosures_for(operator: User) -> QuerySet[JobDisclosure]:
    """Select all disclosures, for operators alone. Raises Forbidden."""
    require_operator(operator, READ_PROMPTS)
    people = ("asked_by", "confirmed_by")
    return JobDisclosure.objects.select_related("job__repo__namespace", "job__person", *people)


@transaction.atomic
def ask_disclosure(*, actor: User, job_id: UUID, reason: str, now: datetime) -> JobDisclosure:
    """Ask to read a job's prompt and output; open it at once where no second operator confirms.

    Asking again while one's own is open or awaits another changes nothing. Raises Forbidden,
    FieldErrors.
    """
    require_operator(actor, READ_PROMPTS)
    reason = require_text(reason, "reason", missing="Say why; the writer of the prompt reads it.")
    job = Job.objects.select_for_update(of=("self",), no_key=True).filter(pk=job_id).first()
    if job is None:
        raise FieldErrors({"job": NO_JOB})
    for standing in JobDisclosure.objects.filter(job=job, asked_by=actor):
        if standing.is_open(now) or standing.awaits_another(now):
            return standing
    if not texts_of(job):
        raise FieldErrors({"job": NOTHING_LEFT})
    disclosure = JobDisclosure.objects.create(job=job, reason=reason, asked_by=actor, asked_at=now)
    record(EventType.DISCLOSURE_ASKED, actor=actor, target=job, at=now, disclosure=disclosure.pk)
    if not settings.DISCLOSURE_BY_TWO:
        _open(disclosure, now)
    return disclosure


@transaction.atomic
def confirm_disclosure(*, actor: User, disclosure_id: int, now: datetime) -> JobDisclosure:
    """Confirm another operator's request, which opens it. Confirming again changes nothing.

    Raises Forbidden, DisclosureNotFound, InvalidTransition.
    """
    require_operator(actor, READ_PROMPTS)
    rows = JobDisclosure.objects.select_for_update(of=("self",), no_key=True)
    disclosure = rows.select_related("job", "asked_by").filter(pk=disclosure_id).first()
    if disclosure is None:
        raise DisclosureNotFound
    if disclosure.confirmed_by == actor:
        return disclosure
    if disclosure.asked_by == actor:
        raise Forbidden("You asked for this yourself, so another operator has to confirm it.")
    if not disclosure.awaits_another(now):
        raise InvalidTransition("This awaits nobody any more: it was opened, or a day has passed.")
    if not disclosure.asked_by.is_operator:
        raise InvalidTransition("Whoever asked for this is no operator any more.")
    disclosure.confirmed_by, disclosure.confirmed_at = actor, now
    record(
        EventType.DISCLOSURE_CONFIRMED,
        actor=actor,
        target=disclosure.job,
        at=now,
        disclosure=disclosure.pk,
    )
    _open(disclosure, now)
    return disclosure


def _open(disclosure: JobDisclosure, now: datetime) -> None:
    disclosure.opens_until = now + OPEN_FOR
    disclosure.save(update_fields=["opens_until", "confirmed_by", "confirmed_at"])
    tell_writer(disclosure, now)


@transaction.atomic
def read_disclosed(*, actor: User, disclosure_id: int, now: datetime) -> list[DisclosedText]:
    """Return a job's prompts and outputs to who asked for them, and record that they were read.

    Raises Forbidden, DisclosureNotFound, InvalidTransition.
    """
    require_operator(actor, READ_PROMPTS)
    mine = JobDisclosure.objects.filter(pk=disclosure_id, asked_by=actor)
    disclosure = mine.select_related("job__revision__repo__namespace").first()
    if disclosure is None:
        raise DisclosureNotFound
    if not disclosure.is_open(now):
        raise InvalidTransition("This isn’t open: it awaits another operator, or its hour is over.")
    texts = texts_of(disclosure.job)
    record(
        EventType.DISCLOSURE_READ,
        actor=actor,
        target=disclosure.job,
        at=now,
        disclosure=disclosure.pk,
        forgotten=not texts,
    )
    return texts
