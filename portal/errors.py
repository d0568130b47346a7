"""What can be refused, and in which words. Each app's errors.py subclasses these.

Services raise; ``portal.surfaces.middleware`` turns an error into the surface's own answer, once.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar


class DomainError(Exception):
    """A refusal that a person can do something about.

    ``message`` says what to do next, in the words of the pages. ``field`` names the input that
    must change, where there is one; ``help_url`` is the page to go to, ``act_label`` what its
    button says.
    """

    code: ClassVar[str] = "invalid"
    act_label: ClassVar[str] = "Back to the models"
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST

    def __init__(self, message: str, *, field: str | None = None, help_url: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.help_url = help_url


class Invalid(DomainError):
    """An input is missing or malformed."""


class TooLarge(Invalid):
    """A refusal of more than is read at once."""

    code = "too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class Forbidden(DomainError):
    code = "forbidden"
    status = HTTPStatus.FORBIDDEN


class NotFound(DomainError):
    """There is nothing there, or nothing that this person may know of."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND


class Conflict(DomainError):
    code = "conflict"
    status = HTTPStatus.CONFLICT


class InvalidTransition(Conflict):
    """The thing has moved on since the page was drawn; nothing was changed."""

    code = "invalid_transition"


class Broken(DomainError):
    """Ours to mend: what happened is in the log, and nobody can do anything but try again."""

    code = "server_error"
    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self) -> None:
        super().__init__("Something broke on our side. Try again in a minute.")


class FieldErrors(Invalid):
    """Several inputs must change; ``errors`` maps each to what to do.

    A service names its own arguments, and what stands in one by a path: ``conditions.files``. Each
    edge maps that once to what its caller sent: ``as_sent`` of the API, ``show_errors`` of a form.
    ``inside`` is the argument that all of ``errors`` stand in.
    """

    code = "invalid_fields"

    def __init__(self, errors: dict[str, str], *, inside: str = "") -> None:
        super().__init__("; ".join(errors.values()))
        prefix = f"{inside}." if inside else ""
        self.errors = {f"{prefix}{name}": text for name, text in errors.items()}
