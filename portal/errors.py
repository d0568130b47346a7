"""The errors that services raise, with the words that a person reads. Apps subclass them.

``portal.surfaces`` turns each into the answer of the surface that met it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise


class DomainError(Exception):
    """A refusal that a person can do something about.

    ``message`` says what to do next, in the words of the pages. ``field`` names the input that
    must change, where there is one; ``help_url`` is the page to go to, ``act_label`` what its
    button says. ``headers`` go with the answer to a program.
    """

    code: ClassVar[str] = "invalid"
    act_label: ClassVar[str | StrPromise] = _("Back to the models")
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST

    def __init__(self, message: str, *, field: str | None = None, help_url: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.help_url = help_url
        self.headers: dict[str, str] = {}


class Invalid(DomainError):
    """An error for an input that is missing or malformed."""


class TooLarge(Invalid):
    """An error for more than is read at once."""

    code = "too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class Forbidden(DomainError):
    """An error for what this person may not do."""

    code = "forbidden"
    status = HTTPStatus.FORBIDDEN


class NotFound(DomainError):
    """An error for what doesn't exist, or what this person may not know of."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND


class Conflict(DomainError):
    """An error for a change that the present state doesn't allow (HTTP 409)."""

    code = "conflict"
    status = HTTPStatus.CONFLICT


class InvalidTransition(Conflict):
    """An error for a state that changed since the page was drawn; nothing was written."""

    code = "invalid_transition"


class Broken(DomainError):
    """An unexpected error of the portal's own (HTTP 500); the log has its traceback."""

    code = "server_error"
    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self) -> None:
        super().__init__(gettext("Something broke on our side. Try again in a minute."))


class FieldErrors(Invalid):
    """An error about several inputs; ``errors`` maps each to what to do.

    A service names its own arguments, and what stands in one by a path: ``conditions.files``. Each
    edge maps that once to what its caller sent: ``as_sent`` of the API, ``show_errors`` of a form.
    ``inside`` is the argument that all of ``errors`` stand in.
    """

    code = "invalid_fields"

    def __init__(self, errors: dict[str, str], *, inside: str = "") -> None:
        super().__init__(" ".join(errors.values()))
        prefix = f"{inside}." if inside else ""
        self.errors = {f"{prefix}{name}": text for name, text in errors.items()}
