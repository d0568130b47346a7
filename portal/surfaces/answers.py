"""Answer a refusal in the form of the surface that met it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from portal.errors import DomainError
from portal.surfaces.hub import hub_answer
from portal.surfaces.openai import openai_answer
from portal.surfaces.pages import page_answer
from portal.surfaces.rest import rest_answer
from portal.surfaces.surface import Surface, surface_of

ANSWERS: dict[Surface, Callable[[DomainError, HttpRequest], HttpResponse]] = {
    Surface.PAGE: page_answer,
    Surface.HUB: hub_answer,
    Surface.OPENAI: openai_answer,
    Surface.REST: rest_answer,
}


def answer(error: DomainError, request: HttpRequest) -> HttpResponse:
    return ANSWERS[surface_of(request)](error, request)
