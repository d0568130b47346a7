"""Answer a refusal in the form of the surface that met it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from portal.errors import DomainError
from portal.surfaces.hub import hub_answer
from portal.surfaces.openai import openai_answer
from portal.surfaces.pages import page_answer
from portal.surfaces.rest import rest_answer
from portal.surfaces.surface import Surface, form_of_refusal

ANSWERS: dict[Surface, Callable[[DomainError, HttpRequest], HttpResponse]] = {
    Surface.PAGE: page_answer,
    Surface.HUB: hub_answer,
    Surface.OPENAI: openai_answer,
    Surface.REST: rest_answer,
}


def answer(error: DomainError, request: HttpRequest) -> HttpResponse:
    """Answer a refusal, which its reason is counted by."""
    response = ANSWERS[form_of_refusal(request)](error, request)
    note_refusal(response, error.code)
    return response


def note_refusal(response: HttpResponse, code: str) -> None:
    """Mark an answer as a refusal, so that ``measuring`` counts it by its code."""
    response.refusal_code = code  # type: ignore[attr-defined]
