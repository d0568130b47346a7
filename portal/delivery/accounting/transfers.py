"""Read from nginx's log what it sent of the downloads that were handed over to it.

nginx writes a line of JSON when it has answered: the download's row, how it ended, and how many
bytes of the file went out. The position in the log is kept in the
transaction that notes its lines, so that none is counted twice.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from django.db import transaction

from portal.delivery.models import Download, LogPosition

CHUNK_BYTES = 1 << 20
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Transfer:
    """A line of the log: how one download ended."""

    download_id: int
    status: HTTPStatus
    bytes_sent: int
    ended_at: datetime


def read_transfers(log: Path) -> int:
    """Note all that the log has gained, and return how many lines.

    A log that was moved away (``log.1``) is read to its end first; one that was cut, from its
    start.
    """
    return sum(iter(lambda: _read_some(log), 0))


@transaction.atomic
def _read_some(log: Path) -> int:
    """Note the next lines, as many as fit a chunk; return how many, 0 at the end."""
    position, _ = LogPosition.objects.select_for_update(no_key=True).get_or_create(path=str(log))
    for path in (log.with_name(f"{log.name}.1"), log):
        try:
            with path.open("rb") as lines:
                if read := _lines(lines, position, moved=path != log):
                    _note(read)
                    return len(read)
        except FileNotFoundError:
            continue
    return 0


def _lines(log: BinaryIO, position: LogPosition, *, moved: bool) -> list[bytes]:
    """Read whole lines from where the last look ended; one that nginx still writes waits."""
    status = os.fstat(log.fileno())
    known = position.inode == status.st_ino
    if moved and not known:
        return []
    log.seek(position.offset_bytes if known and position.offset_bytes <= status.st_size else 0)
    began = log.tell()
    chunk = log.read(CHUNK_BYTES)
    whole = chunk[: chunk.rfind(b"\n") + 1]
    position.inode, position.offset_bytes = status.st_ino, began + len(whole)
    position.save()
    return whole.splitlines()


def _note(lines: Iterable[bytes]) -> None:
    transfers = {transfer.download_id: transfer for transfer in map(_transfer, lines) if transfer}
    open_rows = Download.objects.filter(pk__in=transfers, ended_at=None)
    downloads = list(open_rows.select_for_update(no_key=True).order_by("pk"))
    for download in downloads:
        transfer = transfers[download.pk]
        download.status_code = transfer.status
        download.bytes_sent = transfer.bytes_sent
        download.ended_at = transfer.ended_at
    Download.objects.bulk_update(downloads, ["status_code", "bytes_sent", "ended_at"])


def _transfer(line: bytes) -> Transfer | None:
    """Parse a line; None if it is no transfer's, since nothing in a log may stop the account."""
    try:
        fields = json.loads(line)
        status = HTTPStatus(int(fields["status"]))
        sent = 0 if status >= HTTPStatus.BAD_REQUEST else int(fields["bytes"])
        ended_at = datetime.fromtimestamp(float(fields["ended"]), UTC)
        return Transfer(int(fields["download"]), status, sent, ended_at)
    except (ValueError, TypeError, KeyError):
        logger.warning("A line of the transfer log can’t be read: %r", line[:200])
        return None
