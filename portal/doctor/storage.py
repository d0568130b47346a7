"""Check the blob store by a round trip; a bucket's signed links too."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from portal.database.refusals import reason_of
from portal.doctor import probe_blobs, requests
from portal.doctor.findings import Findings, fault, ok
from portal.doctor.probe_blobs import ProbeBlob
from portal.storage import blob_store
from portal.storage.backends import direct_uploads

TTL = timedelta(minutes=1)


class _Unfaithful(Exception):
    """The store answered, but not with what it was given."""


def round_trip() -> Findings:
    """Write, read and delete a probe; on S3 by the signed links that clients get, too."""
    is_bucket = settings.STORAGE == "s3"
    try:
        with probe_blobs.stored() as probe:
            _require_same(_read(probe), probe, "what was read back")
            if is_bucket:
                _try_download_link(probe)
        if blob_store().has(probe.sha256):
            raise _Unfaithful("what was deleted is still there")
        if is_bucket:
            _try_upload_link()
    except Exception as error:  # noqa: BLE001, boto3 raises what it likes
        return [fault(f"The round trip failed: {reason_of(error)}", _remedy(is_bucket))]
    if is_bucket:
        return [ok(f"The bucket {settings.S3_BUCKET} takes, gives and deletes, by links too.")]
    return [ok(f"{settings.BLOB_DIR} takes, gives and deletes.")]


def _read(probe: ProbeBlob) -> bytes:
    with blob_store().open(probe.sha256) as content:
        return content.read()


def _require_same(content: bytes, probe: ProbeBlob, what: str) -> None:
    if content != probe.content:
        raise _Unfaithful(f"{what} isn’t what was written")


def _try_download_link(probe: ProbeBlob) -> None:
    url = blob_store().presigned_url(probe.sha256, filename="probe", ttl=TTL)
    answer = requests.fetch(url or "")
    _require_same(answer.body, probe, f"what the signed link gave (status {answer.status})")


def _try_upload_link() -> None:
    """Upload as clients do, to a key of its own, and let the store make it a blob."""
    uploads, probe = direct_uploads(), probe_blobs.make_content()
    if uploads is None:
        return
    link = uploads.start(len(probe.content), multipart=False, ttl=TTL)
    try:
        answer = requests.fetch(link.url, method="PUT", body=probe.content)
        if answer.status >= requests.FIRST_ERROR:
            raise _Unfaithful(f"the signed link for uploads answered {answer.status}")
        uploads.settle(link.staged, probe.sha256, len(probe.content))
    finally:
        blob_store().delete(probe.sha256)


def _remedy(is_bucket: bool) -> str:
    if is_bucket:
        return (
            "Check WEIGHTGATE_S3_BUCKET, _ENDPOINT_URL, _REGION and the keys: they need to get, "
            "put, copy, list and delete, and clients must reach the endpoint too."
        )
    return f"Let the portal’s account write in {settings.BLOB_DIR} (WEIGHTGATE_BLOB_DIR)."
