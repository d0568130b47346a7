"""The protocols in which the portal answers, told apart by the address."""

from __future__ import annotations

import re
from enum import Enum

from django.http import HttpRequest

from portal.accounts.tokens.authentication import is_opened_by_a_person


class Surface(Enum):
    """A protocol with its own form of refusal: pages, the Hub's, OpenAI's, the REST API's."""

    PAGE = "page"
    HUB = "hub"
    OPENAI = "openai"
    REST = "rest"


JSON = "application/json"
FILES_SHOWN = re.compile("/[^/]+/[^/]+/(?:raw|picture)/")


def surface_of(request: HttpRequest) -> Surface:
    """Return the protocol to answer in, by the address.

    A file that a person opens in a browser counts as a page: they are to read why it was refused.
    """
    path = request.path
    if path.startswith("/v1/"):
        return Surface.OPENAI
    if path.startswith("/api/v1/"):
        return Surface.REST
    if "/resolve/" in path or FILES_SHOWN.match(path) or path.startswith("/-/d/"):
        return Surface.PAGE if is_opened_by_a_person(request) else Surface.HUB
    if path.startswith(("/api/", "/-/u/", "/v2/")) or ".git/" in path:
        return Surface.HUB
    return Surface.PAGE


def form_of_refusal(request: HttpRequest) -> Surface:
    """Return the form in which to refuse: a program at a page's address reads JSON.

    It may have mistyped the address of an API. Pages send forms, and ask for HTML.
    """
    surface = surface_of(request)
    if surface is not Surface.PAGE:
        return surface
    accepted = request.headers.get("Accept", "")
    asks_for_json = JSON in accepted and "text/html" not in accepted
    return Surface.REST if asks_for_json or request.content_type == JSON else surface
