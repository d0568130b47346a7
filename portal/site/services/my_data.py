"""Export what the portal holds about a person."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.site.archives.bundle import as_json, zipped
from portal.site.archives.my_data import README, account_of, tables_of


@transaction.atomic
def export_own_data(*, person: User, now: datetime) -> bytes:
    """Return a ZIP with a file for each kind of row, and a README."""
    files = {
        "README.txt": README.format(at=now.isoformat(timespec="seconds")).encode(),
        "account.json": as_json(account_of(person)),
    }
    files |= {f"{name}.json": as_json(rows) for name, rows in tables_of(person, now)}
    record(EventType.OWN_DATA_EXPORTED, actor=person, target=person, at=now)
    return zipped(files, "my-data", now)
