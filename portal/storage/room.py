"""Refuse bytes for which the disk has no room, before they are read."""

from __future__ import annotations

import shutil
from http import HTTPStatus
from pathlib import Path

from django.conf import settings

from portal.errors import DomainError
from portal.formatting import size
from portal.storage.base import BlobStore


class NoRoom(DomainError):
    """An error for more bytes than the disk may take; none of them was read."""

    code = "no_room"
    status = HTTPStatus.INSUFFICIENT_STORAGE

    def __init__(self, needed_bytes: int, free_bytes: int, *, field: str | None = None) -> None:
        super().__init__(
            f"This takes {size(needed_bytes)}, and {size(max(free_bytes, 0))} are free here. Send "
            "less, or ask the operator to make room; then send it again.",
            field=field,
        )


def free_bytes(store: BlobStore) -> int:
    """Return how much may still come to where bytes wait for the store; negative where none may.

    ``UPLOAD_RESERVE_BYTES`` stay free for all else that lies on that disk.
    """
    folder = store.incoming_folder
    return shutil.disk_usage(_existing(folder)).free - int(settings.UPLOAD_RESERVE_BYTES)


def require_room(store: BlobStore, needed_bytes: int, *, field: str | None = None) -> None:
    """Raise NoRoom for more bytes than may still come."""
    free = free_bytes(store)
    if needed_bytes > free:
        raise NoRoom(needed_bytes, free, field=field)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())
