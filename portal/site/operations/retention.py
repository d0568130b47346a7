"""The retention table: how long data is kept, and how that is enforced.

docs/retention.md is this table, written out; a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import CharField, Model, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from portal.access.models import Acceptance, AccessRequest, Membership, Screening, Submission
from portal.access.reporting.retention import (
    erase_answers,
    erase_check_hits,
    erase_invitations,
    erase_signature_addresses,
)
from portal.accounts.models import AccessToken, Affiliation, Reference
from portal.delivery.models import Download
from portal.jobs.batches.retention import forget_batches, forget_files
from portal.jobs.models import Batch, Job, StoredFile
from portal.jobs.services.forgetting import forget_old
from portal.outbox.models import OutboxMessage

MONTH, YEAR = timedelta(days=30), timedelta(days=365)


@dataclass(frozen=True)
class RetentionRule:
    """A row of the table; ``enforce`` is None where the minutely tick enforces it."""

    slug: str
    what: str
    kept: str
    then: str
    why: str
    model: type[Model]
    enforce: Callable[[datetime], int] | None = None


def _deleted(rows: QuerySet[Any]) -> int:
    count, _ = rows.delete()
    return count


def _forget_downloads(now: datetime) -> int:
    old = Download.objects.filter(started_at__lte=now - MONTH, ip__isnull=False)
    return old.update(ip=None)


def _forget_letters(now: datetime) -> int:
    old = OutboxMessage.objects.filter(created_at__lte=now - 2 * YEAR)
    return _deleted(old.exclude(state=OutboxMessage.State.QUEUED))


def _forget_sessions(now: datetime) -> int:
    return _deleted(Session.objects.filter(expire_date__lte=now))


def _removed(suffix: str = "") -> Concat:
    """Return a placeholder that is unique for each row, as the columns require."""
    return Concat(Value("removed-"), Cast("pk", CharField()), Value(suffix))


def _forget_tokens(now: datetime) -> int:
    """Blank old dead tokens. The row stays, as downloads and jobs refer to it, but is useless."""
    dead = Q(revoked_at__lte=now - YEAR) | Q(expires_at__lte=now - YEAR)
    old = AccessToken.objects.filter(dead).exclude(name="", hint="")
    return old.update(name="", hint="", secret_hash=_removed())


def _forget_references(now: datetime) -> int:
    over = Q(answered_at__lte=now - YEAR) | Q(answered_at=None, expires_at__lte=now - YEAR)
    old = Reference.objects.filter(over).exclude(email__endswith="@removed.invalid")
    return old.update(name="", relation="", comment="", email=_removed("@removed.invalid"))


def _forget_affiliations(now: datetime) -> int:
    over = Q(ended_at__lte=now - YEAR) | Q(expires_at__lte=now - YEAR)
    old = Affiliation.objects.filter(over).exclude(evidence="")
    return old.update(evidence="")


TABLE = (
    RetentionRule(
        "drafts",
        "Drafts of requests",
        "90 days after they were last saved; a letter comes 14 days before",
        "deleted",
        "They are their writers’ scratch paper; nobody else reads them.",
        AccessRequest,
    ),
    RetentionRule(
        "answers",
        "Answers of declined, withdrawn and lapsed requests, with questions, notes and appeals; "
        "of approved ones too, once no grant rests on them",
        "12 months after closing; 5 years after the end of a grant that rests on them",
        "blanked; rows, hashes, decisions and signatures stay",
        "A decision can be appealed and explained for a year; a licence’s claims lapse in five.",
        Submission,
        erase_answers,
    ),
    RetentionRule(
        "check-hits",
        "What the screening lists had on the holder or a member of a grant",
        "5 years after the end of the grant",
        "blanked; that it was checked, by which lists, and the word on it stay",
        "A licence’s claims lapse in five years, and who was let in can be explained until then.",
        Screening,
        erase_check_hits,
    ),
    RetentionRule(
        "signature-addresses",
        "The network address from which a licence was signed",
        "12 months after the request closed; 5 years after the end of a grant that rests on it",
        "blanked; name, text, time and the record stay",
        "It is part of the evidence of who signed, for as long as that may be asked.",
        Acceptance,
        erase_signature_addresses,
    ),
    RetentionRule(
        "invitations",
        "Addresses of people who were invited to a grant and never joined",
        "12 months after the invitation ended",
        "blanked",
        "They never came, and agreed to nothing.",
        Membership,
        erase_invitations,
    ),
    RetentionRule(
        "download-addresses",
        "The network address of each download",
        "30 days",
        "blanked; who fetched what, and when, stays",
        "Long enough to look into a leaked token.",
        Download,
        _forget_downloads,
    ),
    RetentionRule(
        "prompts",
        "Prompts and results of hosted jobs, with what they captured and changed inside the model",
        "30 days after the job ended; fewer where the lab says so for its model, or the "
        "installation for all",
        "blanked, files of captures deleted; counts of tokens, bytes and energy stay",
        "Their writers fetch them in that time; nobody else needs them.",
        Job,
        forget_old,
    ),
    RetentionRule(
        "files",
        "Files that were uploaded to `/v1/files`, and those that batches answered",
        "as prompts are, a day at least; or until their owner deletes them",
        "deleted",
        "They hold prompts and results.",
        StoredFile,
        forget_files,
    ),
    RetentionRule(
        "batches",
        "The requests of batches with their `custom_id`, the metadata of batches, and what was "
        "wrong with their files",
        "as prompts are, a day at least",
        "deleted; the batch with its times and counts stays",
        "Their writers have the answers by then; nobody else needs them.",
        Batch,
        forget_batches,
    ),
    RetentionRule(
        "letters",
        "Letters, sent or given up, read or unread",
        "24 months",
        "deleted; the record of what they told stays",
        "Longer than any deadline that one announces.",
        OutboxMessage,
        _forget_letters,
    ),
    RetentionRule(
        "sessions",
        "Sign-in sessions",
        "until they expire",
        "deleted",
        "They open nothing any more.",
        Session,
        _forget_sessions,
    ),
    RetentionRule(
        "tokens",
        "Names, hints and hashes of tokens that are revoked or expired",
        "12 months",
        "blanked; downloads and jobs still name the row",
        "Long enough to see what a leaked one was.",
        AccessToken,
        _forget_tokens,
    ),
    RetentionRule(
        "references",
        "Names, addresses and words of people who were asked to vouch for somebody",
        "12 months after they answered, or could no longer",
        "blanked; that it was confirmed or not stays",
        "They have no account here, and did a favour.",
        Reference,
        _forget_references,
    ),
    RetentionRule(
        "affiliations",
        "The evidence of an affiliation that is over",
        "12 months after it ended or expired",
        "blanked; where, how and when stays",
        "A decision that rested on it can be explained for a year.",
        Affiliation,
        _forget_affiliations,
    ),
)


def as_markdown() -> str:
    head = "| what | kept | then | why |\n| --- | --- | --- | --- |\n"
    return head + "".join(
        f"| {row.what} | {row.kept} | {row.then} | {row.why} |\n" for row in TABLE
    )
