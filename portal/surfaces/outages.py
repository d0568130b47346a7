"""Tell an error of a server that the portal needs from a mistake of the portal's own.

The first passes by itself. It is answered with 503 and when to ask again; one line of the log names
the server, since a traceback for each request of an outage would bury what else is logged.
"""

from __future__ import annotations

import errno
import logging
from http import HTTPStatus

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError

from portal.errors import DomainError
from portal.storage import bucket_is_away

log = logging.getLogger(__name__)
RETRY_SECONDS = 10
# Classes of PostgreSQL's error codes: connection, resources, operator intervention; "" is a
# connection that failed or broke. Others, such as a deadlock, say something of our queries.
AWAY_CLASSES = ("", "08", "53", "57")
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class ServiceAway(DomainError):
    """An error that a server of the installation doesn't answer; nothing was done."""

    code = "service_away"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after_seconds = RETRY_SECONDS

    def __init__(self, service: str) -> None:
        super().__init__(
            _(
                "%(service)s can’t be reached just now. What you sent may not have been kept: "
                "look, and send it again in a few seconds. If it stays so, tell the operator."
            )
            % {"service": service}
        )
        self.service = service


class DiskFull(DomainError):
    """An error that a disk took no more bytes; what they belonged to wasn't kept."""

    code = "no_room"
    status = HTTPStatus.INSUFFICIENT_STORAGE

    def __init__(self) -> None:
        super().__init__(
            _(
                "The disk here is full, so what you sent wasn’t kept. Ask the operator to make "
                "room; then send it again."
            )
        )


def outage_of(error: BaseException | None) -> DomainError | None:
    """Return the answer to an error that is an outage, and log it; None for any other error."""
    outage = _outage_of(error)
    if outage is not None:
        log.warning("Answered %d: %s", outage.status, _line_of(error))
    return outage


def _outage_of(error: BaseException | None) -> DomainError | None:
    if isinstance(error, OperationalError | InterfaceError):
        return ServiceAway(_("Our database")) if _is_away(error) else None
    if isinstance(error, RedisConnectionError | RedisTimeoutError | ReadOnlyError):
        return ServiceAway(_("Our cache"))
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return DiskFull()
    if error is not None and bucket_is_away(error):
        return ServiceAway(_("The store of files"))
    return None


def _is_away(error: OperationalError | InterfaceError) -> bool:
    state = getattr(error.__cause__, "sqlstate", None) or ""
    return state[:2] in AWAY_CLASSES


def _line_of(error: BaseException | None) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
