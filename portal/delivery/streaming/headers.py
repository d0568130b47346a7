"""Make the headers that the Hub's clients read off an answer about a file."""

from __future__ import annotations

from django.utils import timezone
from django.utils.http import content_disposition_header

from portal.catalog.models import File
from portal.catalog.notices import licence_headers
from portal.catalog.services.licences import version_in_force
from portal.delivery.services import filename_of


def file_headers(file: File) -> dict[str, str]:
    """Return all headers but Content-Length, which depends on the range.

    The licence's notice goes with every copy.
    """
    licence = version_in_force(file.revision.repo, timezone.now())
    etag = f'"{file.etag}"'
    disposition = content_disposition_header(as_attachment=True, filename=filename_of(file))
    return {
        "X-Repo-Commit": file.revision.commit,
        "ETag": etag,
        "X-Linked-Etag": etag,
        "X-Linked-Size": str(file.blob.size_bytes),
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
        "Content-Disposition": disposition or "attachment",
        "Cache-Control": "private, no-transform",
        **licence_headers(licence),
    }
