"""Answer every refusal of the API in one form, DRF's own included."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import Http404
from django.urls import reverse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler
from rest_framework.views import set_rollback

from portal.api.base.field_names import as_sent
from portal.errors import DomainError, FieldErrors, NotFound
from portal.surfaces.answers import note_refusal
from portal.surfaces.headers import retry_headers
from portal.surfaces.rest import rest_body

# The codes and words of what DRF refuses, where its own don't say what to do.
CODES = {
    exceptions.ParseError: ("not_json", "The body isn’t JSON. Send an object, as UTF-8."),
    exceptions.NotAuthenticated: (
        "no_credentials",
        "Sign in, or send a token: “Authorization: Bearer wg_…”.",
    ),
    exceptions.Throttled: ("too_many", "That was too often. Wait as long as Retry-After says."),
    exceptions.UnsupportedMediaType: ("not_json", "Send JSON: “Content-Type: application/json”."),
}
# The pages that lead on from a refusal, by its code.
HELP_PAGES = {"scope": "accounts:tokens", "session_only": "account_login"}
WHOLE = "non_field_errors"


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an error in the API's form. None means a server error, for ``handler500``."""
    domain_error = as_domain_error(error)
    if domain_error is None:
        return _drf_answer(error, context)
    set_rollback()
    body = rest_body(domain_error)
    if isinstance(error, DomainError):  # a serializer's own errors are named as sent already
        body["error"]["fields"] = as_sent(body["error"]["fields"], _input_of(context))
    if len(fields := body["error"]["fields"]) > 1:
        body["error"]["message"] = " ".join(f"{name}: {text}" for name, text in fields.items())
    response = Response(body, status=domain_error.status, headers=retry_headers(domain_error))
    note_refusal(response, domain_error.code)
    return response


def as_domain_error(error: Exception) -> DomainError | None:
    """Return the refusal as a DomainError; None for DRF's own refusals and for server errors."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, exceptions.ValidationError):
        return FieldErrors(flat(error.detail))
    if isinstance(error, Http404 | exceptions.NotFound):
        return NotFound("There’s nothing here, or nothing that you may see.")
    return None


def _input_of(context: dict[str, Any]) -> type[Any] | None:
    view: Any = context.get("view")
    return view.get_input_serializer_class() if hasattr(view, "input_serializer_class") else None


def _drf_answer(error: Exception, context: dict[str, Any]) -> Response | None:
    response = drf_exception_handler(error, context)
    if response is None or not isinstance(error, exceptions.APIException):
        return response
    code, message = CODES.get(type(error), (str(error.get_codes()), _sentence(error)))
    help_url = reverse(HELP_PAGES[code]) if code in HELP_PAGES else ""
    note_refusal(response, code)
    response.data = {
        "error": {"code": code, "message": message, "fields": {}, "help_url": help_url}
    }
    return response


def _sentence(error: exceptions.APIException) -> str:
    return str(error.detail) if isinstance(error.detail, str) else str(error.default_detail)


def flat(detail: Any, path: str = "") -> dict[str, str]:
    """Flatten a serializer's errors to one text for each field, by the field's path.

    ``{"conditions": {"files": ["…"]}}`` becomes ``{"conditions.files": "…"}``.
    """
    if isinstance(detail, dict):
        return _merged((_joined(path, str(name)), inner) for name, inner in detail.items())
    if isinstance(detail, list) and any(isinstance(inner, dict) for inner in detail):
        return _merged((f"{path}.{at}", inner) for at, inner in enumerate(detail) if inner)
    texts = detail if isinstance(detail, list) else [detail]
    return {path or WHOLE: " ".join(str(text) for text in texts)}


def _joined(path: str, name: str) -> str:
    """Name an inner field; an error of the whole object bears the object's own path."""
    if not path:
        return name
    return path if name == WHOLE else f"{path}.{name}"


def _merged(parts: Iterable[tuple[str, Any]]) -> dict[str, str]:
    return {name: text for path, inner in parts for name, text in flat(inner, path).items()}
