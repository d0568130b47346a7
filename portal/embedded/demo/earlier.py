"""Recognise a demo's folder that an earlier version made, and set it aside on request."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from portal.embedded.errors import EmbeddedError, PartFailed
from portal.embedded.postgres import move_data
from portal.embedded.supervisor import ProcessSupervisor

HALF_MIGRATED = "portal.E001"  # portal.database.checks; it needs Django, which isn't loaded here


class EarlierFolder(EmbeddedError):
    """An error for a folder whose data this version can't bring up to date."""

    def __init__(self, var: Path) -> None:
        super().__init__(
            f"{var} was made by an earlier version, and this one can’t bring its data up to date. "
            "`make demo ARGS=--fresh` keeps it under another name and makes a new one."
        )


def recognise(error: PartFailed, var: Path) -> EmbeddedError:
    """Return the error to raise when `migrate` has failed: EarlierFolder, or the one it gave."""
    return EarlierFolder(var) if HALF_MIGRATED in str(error) else error


def set_aside(var: Path) -> Path | None:
    """Rename a demo's folder, its database included; return the new path, None without a folder.

    Raises AlreadyRunning while a demo runs on it.
    """
    if not var.exists():
        return None
    with ProcessSupervisor(var):  # takes the lock, and ends what a killed demo left running there
        pass
    aside = var.with_name(f"{var.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    var.rename(aside)
    move_data(var, aside)
    return aside
