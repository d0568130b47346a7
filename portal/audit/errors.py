from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from portal.errors import DomainError


class RecordUnavailable(DomainError):
    """A refusal of an act because its event can't be written. Nothing was done."""

    code = "record_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after_seconds = 60

    def __init__(self) -> None:
        super().__init__(
            "Nothing was done, since the record can’t be written just now. Try again in a minute."
        )


class TooManyEvents(DomainError):
    """A refusal to append more to the record than one person may in an hour."""

    code = "rate_limited"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, what: str, at_most: int, wait: timedelta) -> None:
        self.retry_after_seconds = int(wait.total_seconds()) + 1
        minutes = -(-self.retry_after_seconds // 60)
        super().__init__(
            f"That is as many {what} as one person may have in an hour ({at_most}). Nothing was "
            f"done. Try again in {minutes} minute{'s' if minutes > 1 else ''}."
        )
