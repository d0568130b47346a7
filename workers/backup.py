"""Define the tasks of backups, of the log of endings and of rehearsals."""

from __future__ import annotations

import logging
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from portal.backup.endings.copying import copy_endings
from portal.backup.history import is_due, is_overdue
from portal.backup.making.backup import make_backup
from portal.backup.places import place_at
from portal.backup.restoring.rehearsal import rehearse_restore
from portal.backup.stream.encryption import identities_in
from portal.queue import app

log = logging.getLogger(__name__)


@app.task(name="backup.copy_endings")
def copy_waiting_endings() -> None:
    """Copy what took access away to the log of endings; what fails waits for the next call."""
    try:
        copy_endings(now=timezone.now())
    except Exception:
        log.exception("The log of endings takes no line; what waits is tried again")


@app.task(name="backup.make")
def back_up() -> None:
    """Make the day's backup, where the settings say where to and for whose keys."""
    now = timezone.now()
    recipients = settings.BACKUP_RECIPIENTS
    if not settings.BACKUP_DESTINATION or not recipients or not is_due(now):
        return
    try:
        made = make_backup(place_at(settings.BACKUP_DESTINATION), recipients=recipients, now=now)
    except Exception:
        log.exception("There is no backup of today; it is tried again in an hour")
    else:
        log.info("Made %s, %d bytes", made.name, made.size_bytes)


@app.task(name="backup.rehearse")
def rehearse() -> None:
    """Rehearse the restore of the newest backup, where the settings have a key that opens it."""
    now = timezone.now()
    if settings.REHEARSAL_KEY_FILE and settings.BACKUP_DESTINATION:
        identities = identities_in(Path(settings.REHEARSAL_KEY_FILE))
        rehearsal = rehearse_restore(place_at(settings.BACKUP_DESTINATION), identities, now=now)
        if rehearsal.problem:
            log.error("%s can't be restored: %s", rehearsal.name, rehearsal.problem)
    if settings.BACKUP_DESTINATION and is_overdue(now):
        log.error("No backup was found sound by a rehearsal in the last 8 days")
