from __future__ import annotations

from http import HTTPStatus

from portal.errors import DomainError, Forbidden


class LinkInvalid(Forbidden):
    code = "link_invalid"

    def __init__(self) -> None:
        super().__init__("This link is not one of ours, or was altered. Ask for the file again.")


class LinkExpired(Forbidden):
    code = "link_expired"

    def __init__(self) -> None:
        super().__init__("This link has expired. Ask for the file again; that makes a new one.")


class LinkWithdrawn(Forbidden):
    """The link is good, but what it was made upon no longer is."""

    code = "link_withdrawn"


class BlobUnavailable(DomainError):
    """The file is known, and its bytes are not where they should be."""

    code = "blob_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, path: str) -> None:
        super().__init__(
            f"The bytes of {path} can't be read at the moment. Try again later; "
            "if it stays so, tell the operator."
        )
