"""Upload a stream to a bucket, hashing it on its way: its key appears whole and right, or never."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from portal.storage.base import CorruptBlob

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 16 << 20  # 10,000 parts at most, so 160 GB
AT_ONCE = 3  # parts on their way, each held in memory


def upload(client: S3Client, bucket: str, key: str, content: BinaryIO, sha256: str) -> None:
    """Upload in parts. Raises CorruptBlob, and stores nothing, if the hash is another."""
    first = _read(content, PART_BYTES)
    if len(first) < PART_BYTES:
        _require(hashlib.sha256(first).hexdigest(), sha256)
        client.put_object(Bucket=bucket, Key=key, Body=first)
        return
    started = client.create_multipart_upload(Bucket=bucket, Key=key)
    whole = _Upload(client, bucket, key, started["UploadId"])
    try:
        whole.send(first, content)
        _require(whole.digest.hexdigest(), sha256)
        whole.complete()
    except BaseException:
        whole.abort()
        raise


@contextmanager
def uploading(client: S3Client, bucket: str, key: str) -> Iterator[UploadWriter]:
    """Yield a file to write to; its bytes become an object at the end, or never."""
    started = client.create_multipart_upload(Bucket=bucket, Key=key)
    whole = _Upload(client, bucket, key, started["UploadId"])
    try:
        writer = UploadWriter(whole)
        yield writer
        writer.send_rest()
        whole.complete()
    except BaseException:
        whole.abort()
        raise


class UploadWriter:
    """A file that is written to in pieces of any size, and sent part by part."""

    def __init__(self, whole: _Upload) -> None:
        self._whole = whole
        self._buffer = bytearray()

    def write(self, content: bytes) -> int:
        self._buffer += content
        while len(self._buffer) >= PART_BYTES:
            self._whole.send_next(bytes(self._buffer[:PART_BYTES]))
            del self._buffer[:PART_BYTES]
        return len(content)

    def flush(self) -> None:
        """Send nothing early: all parts but the last have one size."""

    def send_rest(self) -> None:
        self._whole.send_next(bytes(self._buffer))


class _Upload:
    def __init__(self, client: S3Client, bucket: str, key: str, upload_id: str) -> None:
        self.client, self.bucket, self.key, self.upload_id = client, bucket, key, upload_id
        self.digest = hashlib.sha256()
        self.parts: list[CompletedPartTypeDef] = []

    def send(self, first: bytes, content: BinaryIO) -> None:
        """Send all parts, a few at once, with no more than those in memory."""
        waiting: deque[Future[CompletedPartTypeDef]] = deque()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for number, part in enumerate(_parts(first, content), start=1):
                if len(waiting) == AT_ONCE:
                    self.parts.append(waiting.popleft().result())
                waiting.append(pool.submit(self._send_part, number, part))
                self.digest.update(part)
            self.parts += [future.result() for future in waiting]

    def send_next(self, part: bytes) -> None:
        self.parts.append(self._send_part(len(self.parts) + 1, part))

    def _send_part(self, number: int, part: bytes) -> CompletedPartTypeDef:
        sent = self.client.upload_part(
            Bucket=self.bucket,
            Key=self.key,
            UploadId=self.upload_id,
            PartNumber=number,
            Body=part,
        )
        return {"PartNumber": number, "ETag": sent["ETag"]}

    def complete(self) -> None:
        self.client.complete_multipart_upload(
            Bucket=self.bucket,
            Key=self.key,
            UploadId=self.upload_id,
            MultipartUpload={"Parts": self.parts},
        )

    def abort(self) -> None:
        self.client.abort_multipart_upload(
            Bucket=self.bucket, Key=self.key, UploadId=self.upload_id
        )


def _parts(first: bytes, content: BinaryIO) -> Iterator[bytes]:
    part = first
    while part:
        yield part
        part = _read(content, PART_BYTES)


def _read(content: BinaryIO, size_bytes: int) -> bytes:
    """Read exactly so many bytes, fewer only at the end: a socket may bring fewer at once."""
    pieces = []
    while size_bytes and (piece := content.read(size_bytes)):
        pieces.append(piece)
        size_bytes -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _require(found: str, expected: str) -> None:
    if found != expected:
        raise CorruptBlob(f"expected {expected}, got {found}")
