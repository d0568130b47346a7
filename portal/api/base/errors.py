"""Every refusal of the API in one form, DRF’s own included."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.urls import reverse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from portal.accounts.models import Scope
from portal.api.base.field_names import as_sent
from portal.errors import DomainError, FieldErrors, Forbidden, NotFound
from portal.surfaces.headers import retry_headers
from portal.surfaces.rest import rest_body

CODES = {
    exceptions.ParseError: ("not_json", "The body isn’t JSON. Send an object, as UTF-8."),
    exceptions.NotAuthenticated: (
        "no_credentials",
        "Sign in, or send a token: “Authorization: Bearer wg_…”.",
    ),
    exceptions.Throttled: ("too_many", "That was too often. Wait as long as Retry-After says."),
    exceptions.UnsupportedMediaType: ("not_json", "Send JSON: “Content-Type: application/json”."),
}


class TokenLacksScope(Forbidden):
    """The person may; this token of theirs may not."""

    code = "scope"

    def __init__(self, scope: Scope) -> None:
        super().__init__(
            f"This token lacks the scope “{scope}”. Make one that has it.",
            help_url=reverse("accounts:tokens"),
        )


class SessionOnly(Forbidden):
    """What binds a person is done by the person, not by a program that holds a token."""

    code = "session_only"

    def __init__(self) -> None:
        super().__init__(
            "No token does this: it binds you as a person. Sign in, and send the session’s cookie "
            "with its CSRF token.",
            help_url=reverse("account_login"),
        )


def in_our_words(error: Exception) -> DomainError | None:
    """The refusal as one of ours; None for what is DRF’s to word or nobody’s."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, exceptions.ValidationError):
        return FieldErrors(flat(error.detail))
    if isinstance(error, Http404 | exceptions.NotFound):
        return NotFound("There’s nothing here, or nothing that you may see.")
    return None


def flat(detail: Any, path: str = "") -> dict[str, str]:
    """``{"conditions.files": "…"}``: each field by its path, with what to do."""
    if isinstance(detail, dict):
        named = {
            name: f"{path}.{name}" if path and name != WHOLE else str(name or path)
            for name in detail
        }
        parts = (flat(each, named[name]) for name, each in detail.items())
        return {name: text for part in parts for name, text in part.items()}
    if isinstance(detail, list) and any(isinstance(each, dict) for each in detail):
        parts = (flat(each, f"{path}.{at}") for at, each in enumerate(detail) if each)
        return {name: text for part in parts for name, text in part.items()}
    texts = detail if isinstance(detail, list) else [detail]
    return {path or WHOLE: " ".join(str(each) for each in texts)}


WHOLE = "non_field_errors"


def api_errors(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF’s hook. None is a server error, for the log and ``handler500``."""
    if known := in_our_words(error):
        set_rollback()
        body = rest_body(known)
        if isinstance(error, DomainError):
            operation = getattr(context.get("view"), "operation", None)
            takes = operation.takes if operation else None
            body["error"]["fields"] = as_sent(body["error"]["fields"], takes)
        return Response(body, status=known.status, headers=retry_headers(known))
    answer = exception_handler(error, context)
    if answer is None or not isinstance(error, exceptions.APIException):
        return answer
    code, message = CODES.get(type(error), (str(error.default_code), _sentence(error)))
    body = {"code": code, "message": message, "fields": {}, "help_url": ""}
    answer.data = {"error": body}
    return answer


def _sentence(error: exceptions.APIException) -> str:
    return str(error.detail) if isinstance(error.detail, str) else str(error.default_detail)
