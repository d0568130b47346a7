from __future__ import annotations

from http import HTTPStatus

from django.conf import settings

from portal.errors import DomainError, Forbidden


class TokenNeeded(DomainError):
    code = "token_needed"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(f"Send a token to say who you are. Make one at {settings.BASE_URL}")


class NotOffered(DomainError):
    """A refusal of a part of the Hub's protocol that this portal does not have."""

    code = "not_offered"
    status = HTTPStatus.NOT_IMPLEMENTED


class OpenedFromElsewhere(Forbidden):
    """A refusal to spend a signed-in person's quota on another site's link."""

    code = "opened_from_elsewhere"
    act_label = "See the files"

    def __init__(self, namespace: str, name: str) -> None:
        super().__init__(
            "This address was opened from another site. Open the file from the model’s page.",
            help_url=f"/{namespace}/{name}#files",
        )


class BytesRefused(DomainError):
    """A refusal of bytes that are not the announced ones; none of them is kept."""

    code = "bytes_refused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, why: str) -> None:
        super().__init__(f"Refused: {why}. Nothing was kept; send the file again.")


class NotBrought(DomainError):
    code = "not_brought"
    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, sha256: str) -> None:
        super().__init__(
            f"The bytes with the sha256 {sha256} were not brought for this model. Upload them "
            "through its LFS batch first.",
            field="oid",
        )
