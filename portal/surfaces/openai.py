"""Refusals as OpenAI's clients read them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from portal.access.errors import Refused
from portal.access.policy.permissions import Reason
from portal.errors import DomainError
from portal.surfaces.headers import with_retry_after

OPENAI_CODES = {
    HTTPStatus.UNAUTHORIZED: ("authentication_error", "invalid_api_key"),
    HTTPStatus.FORBIDDEN: ("permission_error", "no_access"),
    HTTPStatus.TOO_MANY_REQUESTS: ("rate_limit_error", "rate_limit_exceeded"),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("server_error", "job_failed"),
    HTTPStatus.SERVICE_UNAVAILABLE: ("server_error", ""),  # the error's own code says what is away
}

MODEL_NOT_FOUND = "model_not_found"


def openai_body(error: DomainError) -> tuple[int, dict[str, Any]]:
    """Return the status and the body that the openai client makes its exception of."""
    status = error.status
    message, own_code = error.message, error.code
    if isinstance(error, Refused):
        message = error.refusal.line
        if error.refusal.reason == Reason.NO_TOKEN:
            status = HTTPStatus.UNAUTHORIZED
        elif error.refusal.reason == Reason.NOT_FOUND:
            status, own_code = HTTPStatus.NOT_FOUND, MODEL_NOT_FOUND
    kind, code = OPENAI_CODES.get(status, ("invalid_request_error", ""))
    content = {"message": message, "type": kind, "param": error.field, "code": code or own_code}
    return int(status), {"error": content}


def openai_answer(error: DomainError, request: HttpRequest) -> HttpResponse:
    status, body = openai_body(error)
    response = with_retry_after(JsonResponse(body, status=status), error)
    for name, value in error.headers.items():
        response[name] = value
    return response
