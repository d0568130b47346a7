from __future__ import annotations

from portal.errors import DomainError


class BackupFailed(DomainError):
    """A backup, restore or rehearsal that could not be done; the message says what to do."""

    code = "backup_failed"


class LogUnreadable(BackupFailed):
    """A log of endings that can't be read, or from which lines are missing."""

    code = "log_unreadable"
