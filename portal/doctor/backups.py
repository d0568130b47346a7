"""Check that backups are made and rehearsed, and that the log of endings holds every ending."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from portal.access.models import AccessSuspension
from portal.audit.models import AuditEvent, EndingCopy
from portal.backup.errors import BackupFailed
from portal.backup.history import is_overdue, last_backup
from portal.backup.places import FolderPlace, place_at
from portal.backup.s3 import is_in_bucket
from portal.backup.stream.encryption import recipients_of
from portal.doctor.findings import Findings, fault, ok, warning

LATE = timedelta(days=2)  # of a backup each night
REMEDY = (
    "See in the worker’s log why it made none; WEIGHTGATE_BACKUP_RECIPIENTS must be set. Or run "
    "`manage.py backup`."
)
RECIPIENTS = "Set WEIGHTGATE_BACKUP_RECIPIENTS to public keys of age; `age-keygen` prints one."
LOG_UNWRITTEN = "See in the worker’s log why WEIGHTGATE_ENDINGS_LOG can’t be written."
LONG_WAIT = timedelta(minutes=10)


def kept_and_tried() -> Findings:
    """Look at the newest backup, the newest rehearsal, what waits for the log, and suspensions."""
    now = timezone.now()
    return [*_suspension(), *_backups(now), *_log_of_endings(now)]


def _suspension() -> Findings:
    standing = AccessSuspension.objects.standing().first()
    if standing is None:
        return []
    return [
        fault(
            f"All access is suspended since a restore: {standing.reason}",
            "Look at operators, teams and grants, then `manage.py resume_access --reason WORDS`.",
        )
    ]


def _backups(now: datetime) -> Findings:
    if not settings.BACKUP_DESTINATION:
        return [
            warning(
                "No place for backups is set.",
                "Set WEIGHTGATE_BACKUP_DESTINATION and WEIGHTGATE_BACKUP_RECIPIENTS: workers then "
                "make one each day.",
            )
        ]
    return [*_recipients(), *_destination(), *_made_and_rehearsed(now)]


def _recipients() -> Findings:
    """Look at the keys that the next backup is encrypted for: a fresh one says nothing of them."""
    if not settings.BACKUP_RECIPIENTS:
        return [warning("Backups have no recipient, so workers make none.", RECIPIENTS)]
    try:
        recipients_of(settings.BACKUP_RECIPIENTS)
    except BackupFailed as error:
        return [fault(f"The next backup will fail: {error.message}", RECIPIENTS)]
    return []


def _destination() -> Findings:
    try:
        place_at(settings.BACKUP_DESTINATION).require_usable()
    except BackupFailed as error:
        return [
            warning(
                f"Seen from here, {error.message}",
                "Let the account of the workers list and write WEIGHTGATE_BACKUP_DESTINATION.",
            )
        ]
    return []


def _made_and_rehearsed(now: datetime) -> Findings:
    last = last_backup()
    if last is None or last < now - LATE:
        when = f"is of {last:%Y-%m-%d %H:%M} UTC" if last else "is still to be made"
        return [fault(f"The newest backup {when}.", REMEDY)]
    findings = [ok(f"The newest backup is of {last:%Y-%m-%d %H:%M} UTC.")]
    if is_overdue(now):
        findings.append(
            warning(
                "No rehearsal has found a backup sound in the last 8 days.",
                "Run `manage.py rehearse_restore`, or set WEIGHTGATE_REHEARSAL_KEY_FILE.",
            )
        )
    return findings


def _log_of_endings(now: datetime) -> Findings:
    if not settings.ENDINGS_LOG:
        return [
            warning(
                "There is no log of endings: after a restore all access will be suspended.",
                "Set WEIGHTGATE_ENDINGS_LOG to a file or bucket in another place.",
            )
        ]
    waiting = EndingCopy.objects.filter(copied_at=None).values("sequence")
    oldest = AuditEvent.objects.filter(sequence__in=waiting).order_by("sequence").first()
    if oldest is None or oldest.at >= now - LONG_WAIT:
        return [ok("The log of endings holds every end of access.")]
    if not EndingCopy.objects.exclude(copied_at=None).exists() and _log_is_usable():
        return [
            warning(
                "Nothing was copied to the log of endings yet.",
                f"Wait a minute: workers begin soon after it is set. Else: {LOG_UNWRITTEN}",
            )
        ]
    since = f"{oldest.at:%Y-%m-%d %H:%M} UTC"
    return [fault(f"The log of endings lacks ends of access since {since}.", LOG_UNWRITTEN)]


def _log_is_usable() -> bool:
    log = settings.ENDINGS_LOG
    place = place_at(log) if is_in_bucket(log) else FolderPlace(Path(log).parent)
    try:
        place.require_usable()
    except BackupFailed:
        return False
    return True
