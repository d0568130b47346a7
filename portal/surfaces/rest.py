"""Refusals of the REST API: one JSON object with a code, a message and the fields."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from portal.errors import DomainError, FieldErrors
from portal.surfaces.headers import with_retry_after


def rest_body(error: DomainError) -> dict[str, Any]:
    fields = error.errors if isinstance(error, FieldErrors) else {}
    if error.field:
        fields = {error.field: error.message}
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "fields": fields,
            "help_url": error.help_url,
        }
    }


def rest_answer(error: DomainError, request: HttpRequest) -> HttpResponse:
    return with_retry_after(JsonResponse(rest_body(error), status=error.status), error)
