"""Make links to files, open them, and keep account of what goes through them."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.db import transaction

from portal.access.errors import Refused
from portal.access.policy.refusals import require_may_read
from portal.accounts.models import AccessToken, User
from portal.accounts.tokens.authentication import Caller
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import File
from portal.delivery.accounting.quota import require_within_quota
from portal.delivery.errors import (
    BlobUnavailable,
    LinkGone,
    LinkOfAnother,
    LinkWithdrawn,
)
from portal.delivery.links import Link, link_url, verify
from portal.delivery.models import Download
from portal.delivery.streaming.ranges import ByteRange
from portal.storage import BlobMissing, blob_store


def filename_of(file: File) -> str:
    return PurePosixPath(file.path).name


@transaction.atomic
def mint_link(*, caller: Caller, file: File, now: datetime, ip: str | None = None) -> str:
    """Make a short-lived URL of the file's bytes, and record it.

    Raises Refused or DownloadLimitReached.
    """
    # In one transaction with its record: no link leaves the portal that the record doesn't have.
    link = _permitted(caller, file, now)
    presigned = blob_store().presigned_url(
        file.blob_id, filename=filename_of(file), ttl=settings.LINK_TTL
    )
    if presigned:
        start_download(link, file, span=None, status=HTTPStatus.FOUND, now=now, ip=ip)
    if caller.person is not None:  # of nobody known, ``anonymous_reads`` records the number
        record(EventType.LINK_MINTED, actor=caller.person, at=now, **_told(link, file))
    return presigned or link_url(link, filename_of(file))


@transaction.atomic
def read_small(
    *, caller: Caller, file: File, span: ByteRange | None, now: datetime, ip: str | None = None
) -> bytes:
    """Return the bytes of a small file, or a range of them, by the rule and record of a link.

    For what is shown and not handed over. Raises Refused, DownloadLimitReached or BlobUnavailable.
    """
    link = _permitted(caller, file, now)
    status = HTTPStatus.OK if span is None else HTTPStatus.PARTIAL_CONTENT
    try:
        with blob_store().open(file.blob_id) as source:
            content = source.read()
    except BlobMissing as error:
        raise BlobUnavailable(file.path) from error
    if span is not None:
        content = content[span.start : span.stop]
    if caller.person is not None:  # of nobody known, ``anonymous_reads`` records the number
        record(EventType.LINK_MINTED, actor=caller.person, at=now, **_told(link, file))
    download = start_download(link, file, span=span, status=status, now=now, ip=ip)
    end_download(download.pk, bytes_sent=len(content), now=now)
    return content


def _permitted(caller: Caller, file: File, now: datetime) -> Link:
    """Say who reads the file, and under what. Raises Refused or DownloadLimitReached."""
    bases = require_may_read(caller, file, now).bases
    require_within_quota(caller.person.pk if caller.person else None, file, now)
    return Link(
        file_id=file.pk,
        person_id=caller.person.pk if caller.person else None,
        token_id=caller.token.pk if caller.token else None,
        expires_at=now + settings.LINK_TTL,
        grant_id=bases[0].grant_id if bases else None,
    )


def _told(link: Link, file: File) -> dict[str, Any]:
    """Describe a link for the record, or a small file that was shown without one."""
    return {
        "target": file,
        "repo": file.revision.repo.full_name,
        "commit": file.revision.commit,
        "path": file.path,
        "variant": link.variant,
        "token": link.token_id,
        "grant": link.grant_id,
        "expires_at": link.expires_at.isoformat(),
    }


def open_link(signed: str, filename: str, *, now: datetime) -> tuple[Link, File]:
    """Return the file that a link stands for, if who got the link may still have it.

    Raises LinkInvalid, LinkExpired, LinkGone or LinkWithdrawn.
    """
    link = verify(signed, now=now)
    return link, _opened(link, filename, now)


def _opened(link: Link, filename: str, now: datetime) -> File:
    # Who may still have it is asked of ``require_may_read``, of what is in quarantine too.
    files = File.in_history.select_related("blob", "revision__repo__namespace")
    file = files.filter(pk=link.file_id).first()
    if file is None:
        raise LinkGone
    if filename != filename_of(file):
        raise LinkOfAnother
    try:
        bases = require_may_read(_holder(link, now), file, now).bases
    except Refused as refused:
        raise LinkWithdrawn(refused.refusal.line) from refused
    # Another grant may open the file still, but the link was recorded under this one.
    if link.grant_id is not None and all(basis.grant_id != link.grant_id for basis in bases):
        raise LinkWithdrawn("The grant that this link was made under has ended.")
    return file


def _holder(link: Link, now: datetime) -> Caller:
    """Return who got the link, with the rights of now; nobody where the account is closed."""
    if link.person_id is None:
        return Caller()
    if link.token_id is None:
        return Caller(User.objects.filter(pk=link.person_id, is_active=True).first())
    usable = AccessToken.objects.usable_at(now).select_related("user")
    token = usable.filter(pk=link.token_id, user_id=link.person_id).first()
    if token is None:
        raise LinkWithdrawn("The token that this link was made with has expired or been revoked.")
    return Caller(token.user, token)


def start_download(
    link: Link,
    file: File,
    *,
    span: ByteRange | None,
    status: HTTPStatus,
    now: datetime,
    ip: str | None,
) -> Download:
    """Record that a download begins; ``span`` is None for the whole file."""
    return Download.objects.create(
        person_id=link.person_id,
        token_id=link.token_id,
        file=file,
        revision=file.revision,
        range_start=span.start if span else 0,
        length_bytes=span.length_bytes if span else file.blob.size_bytes,
        status_code=status,
        ip=ip,
        started_at=now,
    )


def end_download(download_id: int, *, bytes_sent: int, now: datetime) -> None:
    Download.objects.filter(pk=download_id).update(bytes_sent=bytes_sent, ended_at=now)
