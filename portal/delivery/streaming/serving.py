"""Answer with a file's bytes: by nginx, by the bucket, or by the portal itself."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError, close_old_connections, connection
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.utils import timezone

from portal.catalog.models import File
from portal.client_ip import client_ip
from portal.delivery.accounting.quota import OpenDownload, begin_download, require_within_quota
from portal.delivery.errors import BlobUnavailable
from portal.delivery.links import Link
from portal.delivery.models import Download
from portal.delivery.services import end_download, filename_of, start_download
from portal.delivery.streaming.chunks import chunks, chunks_async, nothing
from portal.delivery.streaming.headers import file_headers
from portal.delivery.streaming.ranges import ByteRange, Unsatisfiable, parse_range
from portal.storage import BlobMissing, blob_store

logger = logging.getLogger(__name__)


def serve(request: HttpRequest, link: Link, file: File, *, now: datetime) -> HttpResponseBase:
    """Answer with the whole file or the range asked for.

    Raises BlobUnavailable or DownloadLimitReached.
    """
    path = _path(file)
    if request.method == "HEAD":
        size = {"Content-Length": str(file.blob.size_bytes)}
        return HttpResponse(headers=file_headers(file) | size)
    if path is None:
        url = blob_store().presigned_url(
            file.blob_id, filename=filename_of(file), ttl=settings.LINK_TTL
        )
        return HttpResponseRedirect(url or "", headers=file_headers(file))
    try:
        span = _span(request, file)
    except Unsatisfiable:
        return _unsatisfiable(file)
    # Asked at each range: a client that goes on after midnight has the new day's quota.
    require_within_quota(link.person_id, file, now)
    return _send(request, link, file, path, span, now=now)


def _path(file: File) -> Path | None:
    """Return the path of the blob, or None where a bucket holds it. Raises BlobUnavailable."""
    try:
        path = blob_store().local_path(file.blob_id)
        if path is not None and path.stat().st_size != file.blob.size_bytes:
            raise BlobUnavailable(file.path)
    except (BlobMissing, OSError) as error:
        raise BlobUnavailable(file.path) from error
    return path


def _span(request: HttpRequest, file: File) -> ByteRange | None:
    """Return the range asked for; on the condition of another version it asks for the whole."""
    condition = request.headers.get("If-Range", "")
    if condition and condition != f'"{file.etag}"':
        return None
    return parse_range(request.headers.get("Range", ""), file.blob.size_bytes)


def _unsatisfiable(file: File) -> HttpResponse:
    size = file.blob.size_bytes
    headers = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
    headers["X-Error-Message"] = f"The file ends at byte {size}."
    return HttpResponse(
        status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        headers=headers,
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
    headers = file_headers(file)
    if span is not None:
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{file.blob.size_bytes}"
    span = span or ByteRange(0, file.blob.size_bytes)
    headers["Content-Length"] = str(span.length_bytes)
    stream = chunks_async if isinstance(request, ASGIRequest) else chunks
    _release_connection()
    ended = partial(_ended, download.pk, counted)
    moved = counted.touch if counted else nothing
    return StreamingHttpResponse(stream(path, span, ended, moved), status=status, headers=headers)


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
