"""The places of the log of endings: a file that is only appended to, or objects in a bucket."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from django.conf import settings

from portal.backup.endings.lines import parsed
from portal.backup.s3 import backup_client, bucket_and_key, is_in_bucket

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

TAIL_BYTES = 1 << 16


class EndingsLog(Protocol):
    def append(self, number: int, text: str) -> None:
        """Add a line, and return once it is kept. Raise OSError or what boto3 raises."""

    def last(self, after: int) -> str | None:
        """Return the last whole line; None where there is none yet.

        ``after``: the number of a line that is known to be there, so that a bucket lists no more.
        """

    def texts(self, first: int) -> Iterator[str]:
        """Yield the lines in order, from ``first`` on or from further back."""


def endings_log() -> EndingsLog | None:
    """Return the log of the settings; None where none is configured."""
    place = settings.ENDINGS_LOG
    if not place:
        return None
    if is_in_bucket(place):
        return BucketLog(backup_client(), *bucket_and_key(place))
    return FileLog(Path(place))


class FileLog:
    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, number: int, text: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab+") as log:
            # A crash may have left half a line: the next one begins on a line of its own.
            joint = b"" if _ends_whole(log.fileno()) else b"\n"
            log.write(joint + text.encode() + b"\n")
            log.flush()
            os.fsync(log.fileno())

    def last(self, after: int) -> str | None:
        if not self.path.exists():
            return None
        with self.path.open("rb") as log:
            size, length = log.seek(0, os.SEEK_END), TAIL_BYTES
            while True:
                log.seek(max(0, size - length))
                whole = [text for text in _decoded(log.read()) if parsed(text)]
                if whole or length >= size:
                    return whole[-1] if whole else None
                length *= 2

    def texts(self, first: int) -> Iterator[str]:
        try:
            with self.path.open(encoding="utf-8", errors="replace") as log:
                for line in log:
                    yield line.rstrip("\n")
        except FileNotFoundError:
            return


def _decoded(content: bytes) -> list[str]:
    return content.decode("utf-8", "replace").split("\n")


def _ends_whole(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


class BucketLog:
    """A prefix of a bucket with an object for each line: what is there is never written again."""

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        self.client, self.bucket = client, bucket
        self.prefix = f"{prefix.rstrip('/')}/" if prefix else ""

    def append(self, number: int, text: str) -> None:
        self.client.put_object(Bucket=self.bucket, Key=self._key(number), Body=text.encode())

    def last(self, after: int) -> str | None:
        keys = list(self._keys(after))
        return self._read(keys[-1]) if keys else None

    def texts(self, first: int) -> Iterator[str]:
        return (self._read(key) for key in self._keys(first))

    def _keys(self, first: int) -> Iterator[str]:
        """Yield the keys of the lines from a number on; they are listed in the order of names."""
        listing = self.client.get_paginator("list_objects_v2")
        start = self._key(max(0, first - 1))
        for page in listing.paginate(Bucket=self.bucket, Prefix=self.prefix, StartAfter=start):
            for entry in page.get("Contents", []):
                if entry["Key"] > start:  # not every server knows StartAfter
                    yield entry["Key"]

    def _read(self, key: str) -> str:
        answer = self.client.get_object(Bucket=self.bucket, Key=key)
        return answer["Body"].read().decode("utf-8", "replace")

    def _key(self, number: int) -> str:
        return f"{self.prefix}{number:012}.json"
