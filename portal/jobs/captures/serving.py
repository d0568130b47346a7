"""Answer with the bytes of captures: by nginx, by the bucket, or by the portal itself."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.utils.http import content_disposition_header

from portal.delivery.errors import BlobUnavailable
from portal.delivery.streaming.chunks import chunks, chunks_async
from portal.delivery.streaming.ranges import ByteRange, Unsatisfiable, parse_range
from portal.delivery.streaming.serving import hand_over
from portal.jobs.captures.models import CapturedBlob
from portal.storage import BlobMissing, blob_store

# Downloads of captures have no row of their own, for which nginx's log would be read.
NO_ROW = "0"


def serve_blob(
    request: HttpRequest, blob: CapturedBlob, filename: str, *, person_id: int
) -> HttpResponseBase:
    """Answer with the whole file or the range asked for. Raises BlobUnavailable."""
    path, headers = _path(blob, filename), _headers(blob, filename)
    if request.method == "HEAD":
        return HttpResponse(headers=headers | {"Content-Length": str(blob.size_bytes)})
    if path is None:
        url = blob_store().presigned_url(blob.pk, filename=filename, ttl=settings.LINK_TTL)
        return HttpResponseRedirect(url or "")
    try:
        span = _span(request, blob)
    except Unsatisfiable:
        past = {"Content-Range": f"bytes */{blob.size_bytes}", "Accept-Ranges": "bytes"}
        return HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=past)
    if settings.X_ACCEL_PREFIX:
        del headers["Accept-Ranges"]  # nginx adds its own to ours
        ranged = "If-Range" in request.headers and span is not None
        for_nginx = {"X-Weightgate-Download": NO_ROW, "X-Weightgate-Person": str(person_id)}
        return HttpResponse(headers=headers | for_nginx | hand_over(path, ranged=ranged))
    return _stream(request, path, span, blob, headers)


def _path(blob: CapturedBlob, filename: str) -> Path | None:
    """Return the path of the blob, or None where a bucket holds it. Raises BlobUnavailable."""
    try:
        path = blob_store().local_path(blob.pk)
        if path is not None and path.stat().st_size != blob.size_bytes:
            raise BlobUnavailable(filename)
    except (BlobMissing, OSError) as error:
        raise BlobUnavailable(filename) from error
    return path


def _span(request: HttpRequest, blob: CapturedBlob) -> ByteRange | None:
    """Return the range asked for; on the condition of another version it asks for the whole."""
    condition = request.headers.get("If-Range", "")
    if condition and condition != f'"{blob.pk}"':
        return None
    return parse_range(request.headers.get("Range", ""), blob.size_bytes)


def _headers(blob: CapturedBlob, filename: str) -> dict[str, str]:
    disposition = content_disposition_header(as_attachment=True, filename=filename)
    return {
        "ETag": f'"{blob.pk}"',
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
        "Content-Disposition": disposition or "attachment",
        "Cache-Control": "private, no-store, no-transform",
    }


def _stream(
    request: HttpRequest,
    path: Path,
    span: ByteRange | None,
    blob: CapturedBlob,
    headers: dict[str, str],
) -> StreamingHttpResponse:
    status = HTTPStatus.OK if span is None else HTTPStatus.PARTIAL_CONTENT
    if span is not None:
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{blob.size_bytes}"
    span = span or ByteRange(0, blob.size_bytes)
    headers["Content-Length"] = str(span.length_bytes)
    read = chunks_async if isinstance(request, ASGIRequest) else chunks
    return StreamingHttpResponse(read(path, span, _nothing), status=status, headers=headers)


def _nothing(_: int) -> None:
    pass
