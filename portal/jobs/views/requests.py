"""Read requests to /v1: who calls, by which method, with what body."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from portal.accounts.models import Scope
from portal.accounts.tokens.authentication import Caller, token_caller
from portal.jobs.errors import MissingKey, PromptScopeMissing
from portal.parsing.json import LARGEST_BODY_BYTES, read_object


def caller_of(request: HttpRequest) -> Caller:
    """Return who calls, by a token. Raises MissingKey without one, UnknownToken for a wrong one."""
    caller = token_caller(request)
    if caller.person is None:
        raise MissingKey
    return caller


def prompting_caller(request: HttpRequest) -> Caller:
    """Return who calls, by a token that is for prompting. Raises PromptScopeMissing too."""
    caller = caller_of(request)
    if caller.token is not None and Scope.INFER not in caller.token.scopes:
        raise PromptScopeMissing
    return caller


def body_object(request: HttpRequest, *, nul_in: Collection[str] = ()) -> dict[str, Any]:
    """Read the body as a JSON object. Raises TooLarge, NotJson."""
    return read_object(request.read(LARGEST_BODY_BYTES + 1), nul_in=nul_in)


def refuse_method(request: HttpRequest, *allowed: str) -> HttpResponse | None:
    """Return a refusal of any other method; None for one that is allowed."""
    if request.method in allowed:
        return None
    message = f"{request.method} is not allowed here. Use {' or '.join(allowed)}."
    response = error_answer(message, status=405, code="method_not_allowed")
    response["Allow"] = ", ".join(allowed)
    return response


def error_answer(message: str, *, status: int, code: str) -> HttpResponse:
    """Answer with an error in the form that OpenAI's clients read."""
    content = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return JsonResponse({"error": content}, status=status)
