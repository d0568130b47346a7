"""A blob store in a bucket, with the local store's layout; clients download from it directly."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from django.conf import settings
from django.utils.http import content_disposition_header

from portal.storage.base import SHA256, BlobMissing, Stored, sha256_of
from portal.storage.multipart import upload
from portal.storage.ranged import RangedReader

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

RANGE_BYTES = 64 << 10  # what a look into a blob fetches at once
LIST_PAGE = 1000  # what S3 gives at most
CONFIG = Config(
    signature_version="s3v4",
    s3={"addressing_style": "path"},
    # Other makers' servers don't know the newer trailing checksums; sha256 is checked by us.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    retries={"mode": "standard", "max_attempts": 5},
    connect_timeout=5,
)


def s3_client(
    *, endpoint_url: str, region: str, access_key_id: str, secret_access_key: str
) -> S3Client:
    """Return a client of a bucket's server; without keys, boto3 looks for its usual credentials."""
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=endpoint_url or None,
        region_name=region,
        aws_access_key_id=access_key_id or None,
        aws_secret_access_key=secret_access_key or None,
        config=CONFIG,
    )
    return client


class S3BlobStore:
    readings = 2  # a bucket renames nothing, so the key, which is the hash, is needed first
    keeps_here = False

    def __init__(self, client: S3Client, bucket: str) -> None:
        self.client = client
        self.bucket = bucket

    @classmethod
    def from_settings(cls) -> S3BlobStore:
        client = s3_client(
            endpoint_url=settings.S3_ENDPOINT_URL,
            region=settings.S3_REGION,
            access_key_id=settings.S3_ACCESS_KEY_ID,
            secret_access_key=settings.S3_SECRET_ACCESS_KEY,
        )
        return cls(client, settings.S3_BUCKET)

    @property
    def incoming_folder(self) -> Path:
        folder: Path = settings.VAR / "incoming"
        return folder

    def adopt(self, source: Path, sha256: str) -> None:
        self.put(source, sha256)

    def put(self, source: Path, sha256: str) -> None:
        if self.has(sha256):
            return
        with source.open("rb") as content:
            self.put_stream(content, sha256)

    def put_stream(self, content: BinaryIO, sha256: str) -> None:
        if not self.has(sha256):
            upload(self.client, self.bucket, blob_key(sha256), content, sha256)

    def add(self, content: BinaryIO) -> str:
        sha256 = sha256_of(content)
        content.seek(0)
        self.put_stream(content, sha256)
        return sha256

    def has(self, sha256: str) -> bool:
        try:
            self.size_bytes(sha256)
        except BlobMissing:
            return False
        return True

    def size_bytes(self, sha256: str) -> int:
        try:
            head = self.client.head_object(Bucket=self.bucket, Key=blob_key(sha256))
        except ClientError as error:
            raise _missing(error, sha256) from error
        return head["ContentLength"]

    def open(self, sha256: str) -> BinaryIO:
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=blob_key(sha256))
        except ClientError as error:
            raise _missing(error, sha256) from error
        return cast("BinaryIO", answer["Body"])

    def open_seekable(self, sha256: str) -> BinaryIO:
        read = partial(self._read_range, sha256)
        return io.BufferedReader(RangedReader(self.size_bytes(sha256), read), RANGE_BYTES)

    def _read_range(self, sha256: str, start: int, length: int) -> bytes:
        span = f"bytes={start}-{start + length - 1}"
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=blob_key(sha256), Range=span)
        except ClientError as error:
            raise _missing(error, sha256) from error
        return answer["Body"].read()

    def delete(self, sha256: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=blob_key(sha256))

    def stored(self) -> Iterator[Stored]:
        listing = self.client.get_paginator("list_objects_v2")
        pages = listing.paginate(Bucket=self.bucket, PaginationConfig={"PageSize": LIST_PAGE})
        for page in pages:
            for entry in page.get("Contents", []):
                name = entry["Key"].rpartition("/")[2]
                if SHA256.fullmatch(name) and entry["Key"] == blob_key(name):
                    yield Stored(name, entry["Size"], entry["LastModified"])

    def local_path(self, sha256: str) -> None:
        return None

    def presigned_url(self, sha256: str, *, filename: str, ttl: timedelta) -> str:
        disposition = content_disposition_header(as_attachment=True, filename=filename) or ""
        return self.client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self.bucket,
                "Key": blob_key(sha256),
                "ResponseContentDisposition": disposition,
                "ResponseContentType": "application/octet-stream",
            },
            ExpiresIn=int(ttl.total_seconds()),
        )


def blob_key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _missing(error: ClientError, sha256: str) -> Exception:
    """Return BlobMissing for a 404, else the error itself."""
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return BlobMissing(sha256) if status == HTTPStatus.NOT_FOUND else error
