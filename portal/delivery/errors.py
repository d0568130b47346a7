from __future__ import annotations

from http import HTTPStatus

from portal.errors import DomainError, Forbidden


class LinkRefused(Forbidden):
    """A refusal of a link. Each kind has a code, by which it is counted."""

    code = "link_refused"


class LinkInvalid(LinkRefused):
    code = "link_invalid"

    def __init__(self) -> None:
        super().__init__("This link is not one of ours, or was altered. Ask for the file again.")


class LinkOfAnother(LinkRefused):
    """A refusal of a link that was signed for another file than its address names."""

    code = "link_of_another_file"

    def __init__(self) -> None:
        super().__init__(
            "This link was altered: it was made for another file. Ask for the file again."
        )


class LinkGone(LinkRefused):
    """A refusal of a link to a file whose revision is no longer served to anybody."""

    code = "link_gone"
    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__(
            "This file was taken out of the model’s history. Ask for what is there now."
        )


class LinkExpired(LinkRefused):
    code = "link_expired"

    def __init__(self) -> None:
        super().__init__("This link has expired. Ask for the file again; that makes a new one.")


class LinkWithdrawn(LinkRefused):
    """A refusal of a link whose token, grant or permission has ended."""

    code = "link_withdrawn"


class BlobUnavailable(DomainError):
    """An error that the bytes of a known file are not where they should be."""

    code = "blob_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, path: str) -> None:
        super().__init__(
            f"The bytes of {path} can’t be read at the moment. Try again later; "
            "if it stays so, tell the operator."
        )


class DownloadLimitReached(DomainError):
    """A refusal by the quota of bytes a day, or by the limit of downloads at once.

    The Hub's clients wait as long as they are told, and retry. They quote ``resource``, one word.
    """

    code = "budget_spent"
    status = HTTPStatus.TOO_MANY_REQUESTS
    resource = "downloads"

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class DownloadQuotaExceeded(DownloadLimitReached):
    code = "daily_bytes_spent"
    resource = "daily_bytes"

    def __init__(self, gigabytes: int, *, retry_after_seconds: int) -> None:
        super().__init__(
            f"You have fetched {gigabytes} GB today, which is what one person may. The day begins "
            "anew at 00:00 UTC: run the same command then, and it goes on from what you have. If "
            "your work needs more, ask the operator.",
            retry_after_seconds=retry_after_seconds,
        )


class TooManyDownloads(DownloadLimitReached):
    code = "too_many_streams"
    resource = "streams"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"You have {limit} downloads under way, which is as many as one person may at once. "
            "Wait for one to end, or use fewer workers (hf download --max-workers 4).",
            retry_after_seconds=10,
        )
