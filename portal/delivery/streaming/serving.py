"""Answer with a file's bytes: by nginx, by the bucket, or by the portal itself."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.utils import timezone

from portal.catalog.models import File
from portal.client_ip import client_ip
from portal.delivery.accounting.quota import OpenDownload, begin_download, require_within_quota
from portal.delivery.links import Link
from portal.delivery.models import Download
from portal.delivery.services import end_download, filename_of, start_download
from portal.delivery.streaming.chunks import nothing
from portal.delivery.streaming.headers import file_headers
from portal.delivery.streaming.ranges import ByteRange, Unsatisfiable
from portal.delivery.streaming.stored import StoredBytes
from portal.storage import blob_store

logger = logging.getLogger(__name__)


def serve(request: HttpRequest, link: Link, file: File, *, now: datetime) -> HttpResponseBase:
    """Answer with the whole file or the range asked for.

    Raises BlobUnavailable or DownloadLimitReached.
    """
    stored = _stored(file)
    path = stored.path()
    if request.method == "HEAD":
        size = {"Content-Length": str(file.blob.size_bytes)}
        return HttpResponse(headers=file_headers(file) | size)
    if path is None:
        url = blob_store().presigned_url(
            file.blob_id, filename=filename_of(file), ttl=settings.LINK_TTL
        )
        return HttpResponseRedirect(url or "", headers=file_headers(file))
    try:
        span = stored.span(request)
    except Unsatisfiable:
        return _unsatisfiable(stored)
    # Asked at each range: a client that goes on after midnight has the new day's quota.
    require_within_quota(link.person_id, file, now)
    return _send(request, link, file, path, span, now=now)


def _stored(file: File) -> StoredBytes:
    return StoredBytes(file.blob_id, file.blob.size_bytes, file.path, file.etag)


def _unsatisfiable(stored: StoredBytes) -> HttpResponse:
    said = {"X-Error-Message": f"The file ends at byte {stored.size_bytes}."}
    return HttpResponse(
        status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        headers=stored.past_its_end() | said,
        content_type="application/octet-stream",
    )


def _send(
    request: HttpRequest,
    link: Link,
    file: File,
    path: Path,
    span: ByteRange | None,
    *,
    now: datetime,
) -> HttpResponseBase:
    status = HTTPStatus.OK if span is None else HTTPStatus.PARTIAL_CONTENT
    counted = None if settings.X_ACCEL_PREFIX or file.is_open else begin_download(link.person_id)
    ip = client_ip(request)
    download = start_download(link, file, span=span, status=status, now=now, ip=ip)
    if settings.X_ACCEL_PREFIX:
        ranged = "If-Range" in request.headers and span is not None
        return _hand_over(download, path, ranged=ranged)
    _release_connection()
    ended = partial(_ended, download.pk, counted)
    moved = counted.touch if counted else nothing
    return _stored(file).stream(request, path, span, file_headers(file), ended, moved)


def _hand_over(download: Download, path: Path, *, ranged: bool) -> HttpResponse:
    """Let nginx send the bytes; it reads the range from the same header.

    Two headers are for nginx alone: the person, whose downloads it counts, and the row, which its
    log names. ``ranged`` says that the range has a condition (If-Range) which holds: nginx knows no
    ETag of ours to compare it with and would send the whole, so it is sent to the location that
    leaves the condition out.
    """
    counted = "" if download.file.is_open else str(download.person_id or "")
    for_nginx = {"X-Weightgate-Download": str(download.pk), "X-Weightgate-Person": counted}
    headers = file_headers(download.file) | for_nginx | hand_over(path, ranged=ranged)
    del headers["Accept-Ranges"]  # nginx adds its own to ours
    return HttpResponse(headers=headers)


def hand_over(path: Path, *, ranged: bool = False) -> dict[str, str]:
    """Return the header by which nginx sends a blob's file."""
    inside = path.relative_to(settings.BLOB_DIR).as_posix()
    return {"X-Accel-Redirect": f"{settings.X_ACCEL_PREFIX}{'ranged/' if ranged else ''}{inside}"}


def _ended(download_id: int, counted: OpenDownload | None, bytes_sent: int) -> None:
    """Record the end of a download.

    The bytes are out, so a database that is away by now must not break the connection.
    """
    if counted:
        counted.leave()
    try:
        end_download(download_id, bytes_sent=bytes_sent, now=timezone.now())
    except DatabaseError:
        logger.exception("download %s ended after %s bytes, unrecorded", download_id, bytes_sent)
    finally:
        _release_connection()


def _release_connection() -> None:
    """Give the database connection back: a long download must not keep one from others."""
    if not connection.in_atomic_block:
        close_old_connections()
