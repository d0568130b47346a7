"""Export the evidence of one request, and record that with its digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from portal.access.reporting.request_archive import archive_of
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.site.archives.bundle import SUMS, files_of, zipped


@dataclass(frozen=True)
class Bundle:
    filename: str
    content: bytes


@transaction.atomic
def make_bundle(*, reader: User, request_id: int, now: datetime) -> Bundle:
    """Make the bundle: whole for the team, their own part for the applicant.

    Raises RequestNotFound for everybody else.
    """
    archive = archive_of(reader, request_id, now)
    name = f"request-{archive.access_request.reference}"
    files = files_of(archive, now)
    content = zipped(files, name, now)
    record(
        EventType.BUNDLE_MADE,
        actor=reader,
        target=archive.access_request,
        at=now,
        reader="applicant" if archive.is_own else "team",
        sums_sha256=hashlib.sha256(files[SUMS]).hexdigest(),
    )
    return Bundle(f"{name}.zip", content)
