"""The languages that the portal speaks, and which one a person reads."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeAlias, TypeVar

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.html import format_html
from django.utils.safestring import SafeString

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

    from portal.accounts.models import User

ENGLISH = "en"
# A text of ours: a string, or one that becomes a string in the language that is active then.
Words: TypeAlias = "str | StrPromise"
P = ParamSpec("P")
R = TypeVar("R")


def is_offered(code: str) -> bool:
    """Tell whether pages and letters can be had in this language here."""
    return code in dict(settings.LANGUAGES)


def language_of(person: User | None) -> str:
    """Return the language to write to a person in: the one they chose, else English."""
    return person.language if person is not None and is_offered(person.language) else ENGLISH


def language_name(tag: str) -> str:
    """Return a language's name in the reader's own language, or its tag where it has none here."""
    try:
        return str(translation.get_language_info(tag)["name_translated"])
    except KeyError:
        return tag


def in_language(tag: str, text: object) -> SafeString:
    """Mark a text that isn't in the page's language by its own tag; "" where nobody knows it."""
    return format_html('<span lang="{}">{}</span>', tag, text)


def speak_english(request: HttpRequest) -> None:
    """Answer in English from here on: for the team, on a page that it shares with researchers."""
    request.offers_languages = False  # type: ignore[attr-defined]
    translation.activate(ENGLISH)


def in_english(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function speak English whoever is served: for the record, and for the lab's people."""

    @wraps(function)
    def speak(*arguments: P.args, **options: P.kwargs) -> R:
        with translation.override(ENGLISH):
            return function(*arguments, **options)

    return speak
