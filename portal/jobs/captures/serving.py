"""Answer with the bytes of captures: by nginx, by the bucket, or by the portal itself."""

from __future__ import annotations

from http import HTTPStatus

from django.conf import settings
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.utils.http import content_disposition_header

from portal.delivery.streaming.ranges import Unsatisfiable
from portal.delivery.streaming.serving import hand_over
from portal.delivery.streaming.stored import StoredBytes
from portal.jobs.captures.models import CapturedBlob
from portal.storage import blob_store

# Downloads of captures have no row of their own, for which nginx's log would be read.
NO_ROW = "0"


def serve_blob(
    request: HttpRequest, blob: CapturedBlob, filename: str, *, person_id: int
) -> HttpResponseBase:
    """Answer with the whole file or the range asked for. Raises BlobUnavailable."""
    stored = StoredBytes(blob.pk, blob.size_bytes, filename, etag=blob.pk)
    path, headers = stored.path(), _headers(blob, filename)
    if request.method == "HEAD":
        return HttpResponse(headers=headers | {"Content-Length": str(blob.size_bytes)})
    if path is None:
        url = blob_store().presigned_url(blob.pk, filename=filename, ttl=settings.LINK_TTL)
        return HttpResponseRedirect(url or "")
    try:
        span = stored.span(request)
    except Unsatisfiable:
        past = stored.past_its_end()
        return HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=past)
    if settings.X_ACCEL_PREFIX:
        del headers["Accept-Ranges"]  # nginx adds its own to ours
        ranged = "If-Range" in request.headers and span is not None
        for_nginx = {"X-Weightgate-Download": NO_ROW, "X-Weightgate-Person": str(person_id)}
        return HttpResponse(headers=headers | for_nginx | hand_over(path, ranged=ranged))
    return stored.stream(request, path, span, headers, _nothing)


def _headers(blob: CapturedBlob, filename: str) -> dict[str, str]:
    disposition = content_disposition_header(as_attachment=True, filename=filename)
    return {
        "ETag": f'"{blob.pk}"',
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
        "Content-Disposition": disposition or "attachment",
        "Cache-Control": "private, no-store, no-transform",
    }


def _nothing(_: int) -> None:
    pass
