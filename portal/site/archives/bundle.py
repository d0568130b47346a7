"""One request's evidence as a ZIP: answers, signatures, decisions, and how to verify them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q, QuerySet

from portal.access.certificates.certificate import make_certificate, read_certificate
from portal.access.errors import NoSigningKey, SignatureNotFound
from portal.access.models import Decision, Question
from portal.access.reporting.request_archive import RequestArchive
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.hashing import opened, told_to
from portal.audit.heads import heads_text
from portal.audit.models import AuditEvent
from portal.delivery.models import Download
from portal.outbox.models import OutboxMessage
from portal.site.archives.csv_lines import csv_line
from portal.site.archives.exports import DOWNLOADS

TEMPLATES = Path(__file__).parent / "bundled"
SUMS = "SHA256SUMS"
# The events that an applicant may read of their request; votes and notes are the team's.
TOLD = {
    EventType.REQUEST_SUBMITTED,
    EventType.REQUEST_WITHDRAWN,
    EventType.REQUEST_QUESTION_ASKED,
    EventType.REQUEST_QUESTION_ANSWERED,
    EventType.REQUEST_APPROVED,
    EventType.REQUEST_DECLINED,
    EventType.REQUEST_REOPENED,
    EventType.REQUEST_OVERDUE,
    EventType.REQUEST_LAPSED,
    EventType.LICENCE_SIGNED,
    EventType.GRANT_MADE,
    EventType.GRANT_OFFERED,
    EventType.GRANT_ACTIVATED,
    EventType.GRANT_RENEWED,
    EventType.GRANT_REVOKED,
    EventType.GRANT_ENDED,
    EventType.GRANT_CLOSED,
}


def files_of(archive: RequestArchive, now: datetime) -> dict[str, bytes]:
    """Return the content of every file by its path, SHA256SUMS last."""
    files = dict(_files(archive, now))
    sums = "".join(f"{_sha256(content)}  {path}\n" for path, content in sorted(files.items()))
    return files | {SUMS: sums.encode()}


def zipped(files: dict[str, bytes], folder: str, now: datetime) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        for path, content in files.items():
            entry = zipfile.ZipInfo(f"{folder}/{path}", now.astimezone(UTC).timetuple()[:6])
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            bundle.writestr(entry, content)
    return out.getvalue()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def as_json(data: Any) -> bytes:
    text = json.dumps(data, cls=DjangoJSONEncoder, indent=1, sort_keys=True, ensure_ascii=False)
    return f"{text}\n".encode()


def _files(archive: RequestArchive, now: datetime) -> Iterator[tuple[str, bytes]]:
    yield "request.json", as_json(archive.request())
    if not archive.is_own:
        yield "evidence.json", as_json(archive.evidence(now))
    for number, snapshot in archive.snapshots().items():
        yield f"snapshots/{number:04d}.json", as_json(snapshot)
    for name, rows in archive.lists().items():
        yield f"{name}.json", as_json(rows)
    for version in {acceptance.licence_version for acceptance in archive.acceptances}:
        yield f"licence/{version.sha256}.txt", version.text.encode()
    yield from _certificates(archive)
    for letter in _letters(archive, now):
        yield f"letters/{letter.pk:06d}-{letter.kind}.txt", _letter(letter)
    yield "downloads.csv", _downloads(archive)
    yield "events.jsonl", b"".join(_events(archive))
    yield "heads.txt", heads_text(now).encode()
    for name in ("VERIFY.md", "verify.py"):
        yield name, (TEMPLATES / name).read_bytes()


def _certificates(archive: RequestArchive) -> Iterator[tuple[str, bytes]]:
    """Make the certificate of the newest signature of each licence, the newest of all first.

    Where there is no key to sign them there is none: the rest of the evidence is worth having.
    """
    newest = {row.licence_version.licence_id: row for row in archive.acceptances}
    for number, acceptance in enumerate(sorted(newest.values(), key=lambda row: -row.pk), start=1):
        name = "certificate.pdf" if number == 1 else f"certificate-{number}.pdf"
        with suppress(NoSigningKey, SignatureNotFound):
            yield name, make_certificate(read_certificate(archive.reader, acceptance.pk))


def _letters(archive: RequestArchive, now: datetime) -> QuerySet[OutboxMessage]:
    """Select the letters about the request that were sent or are due.

    Secret ones prove who can read their address, so they are left out.
    """
    about = Q(key__startswith=f"request-{archive.access_request.pk}-")
    for grant in archive.grants:
        about |= Q(key__startswith=f"grant-{grant.pk}-")
    is_sent_or_due = Q(due_at__lte=now) | Q(attempts__gt=0)
    letters = OutboxMessage.objects.filter(about, is_sent_or_due, is_secret=False).order_by("pk")
    letters = letters.exclude(state=OutboxMessage.State.CANCELLED)
    return letters.filter(recipient=archive.reader) if archive.is_own else letters


def _letter(letter: OutboxMessage) -> bytes:
    sent = letter.sent_at.isoformat() if letter.sent_at else "not yet"
    head = f"To: {letter.address}\nSubject: {letter.subject}\nState: {letter.state}\nSent: {sent}\n"
    return f"{head}\n{letter.text}".encode()


def _downloads(archive: RequestArchive) -> bytes:
    """Write the applicant's downloads of the requested models as CSV."""
    rows = Download.objects.filter(
        person=archive.access_request.applicant, revision__repo__in=archive.repos
    ).order_by("pk")
    values = rows.values_list(*DOWNLOADS.columns.values()).iterator(2000)
    return "".join(map(csv_line, [DOWNLOADS.columns, *values])).encode()


def _events(archive: RequestArchive) -> Iterator[bytes]:
    """Yield a line for each event, with the hash of the event after it."""
    targets = {
        "access.accessrequest": [archive.access_request.pk],
        "access.acceptance": [acceptance.pk for acceptance in archive.acceptances],
        "access.grant": [grant.pk for grant in archive.grants],
    }
    about = Q(pk__in=[])
    for target, keys in targets.items():
        about |= Q(target_type=target, target_id__in=[str(key) for key in keys])
    events = AuditEvent.objects.filter(about).order_by("sequence")
    if archive.is_own:
        events = events.filter(type__in=TOLD).exclude(
            untold_of(archive.access_request.applicant, archive.now)
        )
    # The hash after an event lets a reader check it against the chain without what lies between.
    following = AuditEvent.objects.filter(pk__in=[event.sequence + 1 for event in events])
    after = dict(following.values_list("sequence", "hash"))
    for event in events:
        content = told_to(archive.reader.pk, event) if archive.is_own else opened(event)
        content["next"] = after.get(event.sequence + 1, "")
        yield f"{json.dumps(content, sort_keys=True)}\n".encode()


def untold_of(applicant: User, now: datetime) -> Q:
    """Match the events of decisions and questions that the applicant doesn't know of."""
    decisions = Decision.objects.filter(request__applicant=applicant)
    questions = Question.objects.filter(request__applicant=applicant)
    decided = (EventType.REQUEST_APPROVED, EventType.REQUEST_DECLINED)
    return (
        Q(type__in=decided, data__decision__in=_but(decisions, decisions.told(now)))
        | Q(
            type=EventType.REQUEST_QUESTION_ASKED,
            data__question__in=_but(questions, questions.told(now)),
        )
        | Q(type=EventType.REQUEST_REOPENED, data__is_silent=True)
    )


def _but(rows: QuerySet[Any], told: QuerySet[Any]) -> list[int]:
    return list(rows.exclude(pk__in=told).values_list("pk", flat=True))
