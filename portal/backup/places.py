"""The places where backups lie: a folder, or a prefix of a bucket."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from portal.backup.errors import BackupFailed
from portal.backup.s3 import backup_client, bucket_and_key, is_in_bucket

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

NAME = re.compile(r"weightgate-\d{8}T\d{6}Z\.tar(\.age)?")


def name_of_backup(made_at: datetime, *, encrypted: bool) -> str:
    """Return the name of a backup; names are in the order of time."""
    suffix = ".tar.age" if encrypted else ".tar"
    return f"weightgate-{made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}{suffix}"


class Place(Protocol):
    def writing(self, name: str) -> AbstractContextManager[Any]:
        """Yield a file to write to. It is there at the end of the block, whole, or never."""

    def reading(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Yield a file to read from. Raise BackupFailed where there is none."""

    def names(self) -> list[str]:
        """List the backups, the oldest first."""

    def require_usable(self) -> None:
        """Raise BackupFailed where it can't be listed, or a folder not written; make nothing."""


def place_at(place: str) -> Place:
    if is_in_bucket(place):
        return BucketPlace(backup_client(), *bucket_and_key(place))
    return FolderPlace(Path(place))


def source_at(source: str) -> tuple[Place, str]:
    """Return the place of a backup that is named in full, and its name there."""
    folder, _, name = source.rpartition("/")
    if is_in_bucket(source):
        return place_at(folder), name
    return FolderPlace(Path(source).parent), Path(source).name


def backups_at(place: str) -> tuple[Place, str]:
    """Return a place of backups, and the name of the one where ``place`` names one itself."""
    is_one = NAME.fullmatch(place.rpartition("/")[2]) or (
        not is_in_bucket(place) and Path(place).is_file()
    )
    return source_at(place) if is_one else (place_at(place), "")


def newest_at(place: Place) -> str:
    names = place.names()
    if not names:
        raise BackupFailed("There is no backup at the destination. Make one: manage.py backup.")
    return names[-1]


class FolderPlace:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = self.folder / f".{name}.{os.getpid()}"
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise BackupFailed(f"{self.folder} can’t be written to: {error.strerror}.") from error
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            draft.rename(self.folder / name)
        finally:
            draft.unlink(missing_ok=True)

    @contextmanager
    def reading(self, name: str) -> Iterator[IO[bytes]]:
        try:
            file = (self.folder / name).open("rb")
        except OSError as error:
            raise BackupFailed(f"{self.folder / name} can’t be read: {error.strerror}.") from error
        with file:
            yield file

    def names(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if NAME.fullmatch(path.name))

    def require_usable(self) -> None:
        folder = self.folder.absolute()
        nearest = next(path for path in (folder, *folder.parents) if os.path.exists(path))
        if not nearest.is_dir():
            raise BackupFailed(f"{self.folder} can’t be written to: {nearest} is no folder.")
        if not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
            raise BackupFailed(
                f"{self.folder} can’t be written to: this account may not read and write {nearest}."
            )


class BucketPlace:
    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        self.client, self.bucket = client, bucket
        self.prefix = f"{prefix.rstrip('/')}/" if prefix else ""

    @contextmanager
    def writing(self, name: str) -> Iterator[Any]:
        from portal.storage.multipart import uploading

        with (
            bucket_errors(self.bucket),
            uploading(self.client, self.bucket, self.prefix + name) as file,
        ):
            yield file

    @contextmanager
    def reading(self, name: str) -> Iterator[IO[bytes]]:
        with bucket_errors(f"{self.bucket}/{self.prefix}{name}"):
            answer = self.client.get_object(Bucket=self.bucket, Key=self.prefix + name)
            body: Any = answer["Body"]
            try:
                yield body
            finally:
                body.close()

    def names(self) -> list[str]:
        listing = self.client.get_paginator("list_objects_v2")
        with bucket_errors(self.bucket):
            pages = listing.paginate(Bucket=self.bucket, Prefix=self.prefix)
            keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        names = (key.removeprefix(self.prefix) for key in keys)
        return sorted(name for name in names if NAME.fullmatch(name))

    def require_usable(self) -> None:
        self.names()


@contextmanager
def bucket_errors(what: str) -> Iterator[None]:
    """Raise the errors of a bucket as BackupFailed."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise BackupFailed(f"The bucket doesn’t give or take {what}: {error}") from error
