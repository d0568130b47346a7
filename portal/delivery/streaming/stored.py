"""Find and send the bytes of a stored file, of a model or of captures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from portal.delivery.errors import BlobUnavailable
from portal.delivery.streaming.chunks import Ended, Moved, chunks, chunks_async, nothing
from portal.delivery.streaming.ranges import ByteRange, parse_range
from portal.storage import BlobMissing, blob_store


@dataclass(frozen=True)
class StoredBytes:
    """A blob as one answer sends it: under a name, and with the version that conditions name."""

    sha256: str
    size_bytes: int
    name: str
    etag: str

    def path(self) -> Path | None:
        """Return the path of the blob, or None where a bucket holds it. Raises BlobUnavailable."""
        try:
            path = blob_store().local_path(self.sha256)
            if path is not None and path.stat().st_size != self.size_bytes:
                raise BlobUnavailable(self.name)
        except (BlobMissing, OSError) as error:
            raise BlobUnavailable(self.name) from error
        return path

    def span(self, request: HttpRequest) -> ByteRange | None:
        """Return the range asked for; on the condition of another version it asks for the whole.

        Raises Unsatisfiable.
        """
        condition = request.headers.get("If-Range", "")
        if condition and condition != f'"{self.etag}"':
            return None
        return parse_range(request.headers.get("Range", ""), self.size_bytes)

    def past_its_end(self) -> dict[str, str]:
        """Return the headers of an answer to a range that the file doesn't have."""
        return {"Content-Range": f"bytes */{self.size_bytes}", "Accept-Ranges": "bytes"}

    def stream(
        self,
        request: HttpRequest,
        path: Path,
        span: ByteRange | None,
        headers: Mapping[str, str],
        ended: Ended,
        moved: Moved = nothing,
    ) -> StreamingHttpResponse:
        """Send the range, or all of it. ``ended`` is called with the bytes that were sent."""
        status = HTTPStatus.OK if span is None else HTTPStatus.PARTIAL_CONTENT
        ranged = {}
        if span is not None:
            ranged["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{self.size_bytes}"
        span = span or ByteRange(0, self.size_bytes)
        ranged["Content-Length"] = str(span.length_bytes)
        read = chunks_async if isinstance(request, ASGIRequest) else chunks
        parts = read(path, span, ended, moved)
        return StreamingHttpResponse(parts, status=status, headers={**headers, **ranged})
