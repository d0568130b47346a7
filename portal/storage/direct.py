"""Upload straight to the bucket; an upload becomes a blob once it has been read and hashed.

A client puts its bytes under a key of their own beside the blobs. The bucket checks no sha256, so
the portal takes them to where no link leads, reads them, and copies them to where the blob belongs.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from portal.storage.base import BlobMissing, CorruptBlob
from portal.storage.multipart import PART_BYTES
from portal.storage.s3 import S3BlobStore, blob_key

PREFIX = "incoming/"
READ_BYTES = 1 << 20
COPYING = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES)


@dataclass(frozen=True)
class UploadUrls:
    """The addresses to upload to: ``url`` for the whole, or ``parts`` of ``part_bytes`` each."""

    staged: str
    upload_id: str = ""
    url: str = ""
    parts: tuple[str, ...] = ()
    part_bytes: int = 0


class DirectUploads:
    def __init__(self, store: S3BlobStore) -> None:
        self.client = store.client
        self.bucket = store.bucket

    def start(self, size_bytes: int, *, multipart: bool, ttl: timedelta) -> UploadUrls:
        staged = f"{PREFIX}{uuid.uuid4().hex}"
        if multipart and size_bytes > PART_BYTES:
            return self._start_parts(staged, size_bytes, ttl)
        url = self.client.generate_presigned_url(
            "put_object",
            Params={"Bucket": self.bucket, "Key": staged, "ContentLength": size_bytes},
            ExpiresIn=int(ttl.total_seconds()),
        )
        return UploadUrls(staged, url=url)

    def _start_parts(self, staged: str, size_bytes: int, ttl: timedelta) -> UploadUrls:
        begun = self.client.create_multipart_upload(Bucket=self.bucket, Key=staged)
        upload_id = begun["UploadId"]
        count = -(-size_bytes // PART_BYTES)
        parts = tuple(
            self.client.generate_presigned_url(
                "upload_part",
                Params={
                    "Bucket": self.bucket,
                    "Key": staged,
                    "UploadId": upload_id,
                    "PartNumber": number,
                },
                ExpiresIn=int(ttl.total_seconds()),
            )
            for number in range(1, count + 1)
        )
        return UploadUrls(staged, upload_id, parts=parts, part_bytes=PART_BYTES)

    def complete(self, staged: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> None:
        """Join the parts, unless they are joined. Raises CorruptBlob when the bucket has others."""
        try:
            self.client.complete_multipart_upload(
                Bucket=self.bucket,
                Key=staged,
                UploadId=upload_id,
                MultipartUpload={"Parts": [{"PartNumber": n, "ETag": etag} for n, etag in parts]},
            )
        except ClientError as error:
            if not _is_refusal(error):
                raise
            # A client that lost the first answer asks again; the upload is joined by then.
            if not self._is_there(staged):
                raise CorruptBlob("the parts are not those that were uploaded") from error

    def settle(self, staged: str, sha256: str, size_bytes: int) -> str:
        """Read an upload, make it a blob, and return its git hash.

        Raises BlobMissing when nothing was put, CorruptBlob when it isn't what was announced; then
        nothing of it is kept.
        """
        if not self._is_there(staged):
            raise BlobMissing(sha256)
        secluded = self._seclude(staged)
        try:
            return self._keep(secluded, sha256, size_bytes)
        finally:
            self.client.delete_object(Bucket=self.bucket, Key=secluded)

    def _seclude(self, staged: str) -> str:
        """Copy an upload to a key that no signed URL covers.

        Whoever still has the upload's URL could replace the bytes after they were hashed.
        """
        secluded = f"{PREFIX}{uuid.uuid4().hex}"
        self._copy(staged, secluded)
        self.client.delete_object(Bucket=self.bucket, Key=staged)
        return secluded

    def _keep(self, secluded: str, sha256: str, size_bytes: int) -> str:
        answer = self.client.get_object(Bucket=self.bucket, Key=secluded)
        with closing(answer["Body"]) as body:
            if answer["ContentLength"] != size_bytes:
                raise CorruptBlob(f"{answer['ContentLength']} bytes came instead of {size_bytes}")
            digest, sha1 = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size_bytes)  # noqa: S324
            for chunk in body.iter_chunks(READ_BYTES):
                digest.update(chunk)
                sha1.update(chunk)
        if digest.hexdigest() != sha256:
            raise CorruptBlob(f"the bytes that came have the sha256 {digest.hexdigest()}")
        self._copy(secluded, blob_key(sha256))
        return sha1.hexdigest()

    def _copy(self, source: str, target: str) -> None:
        """Copy an object within the bucket, in parts where it is large."""
        location = {"Bucket": self.bucket, "Key": source}
        self.client.copy(location, self.bucket, target, Config=COPYING)  # type: ignore[arg-type]

    def _is_there(self, staged: str) -> bool:
        try:
            self.client.head_object(Bucket=self.bucket, Key=staged)
        except ClientError as error:
            if not _is_refusal(error):
                raise
            return False
        return True


def _is_refusal(error: ClientError) -> bool:
    """Return True if the store refused the request itself, False if the store is unavailable."""
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
