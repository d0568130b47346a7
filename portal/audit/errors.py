from __future__ import annotations

from http import HTTPStatus

from portal.errors import DomainError


class RecordUnavailable(DomainError):
    """The event could not be written, so what it records was not done."""

    code = "record_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after_seconds = 60

    def __init__(self) -> None:
        super().__init__(
            "Nothing was done, since the record can’t be written just now. Try again in a minute."
        )
