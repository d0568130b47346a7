"""Texts of Django, allauth and django-countries are in the same German as ours."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.utils.translation import gettext, override
from django_countries import countries

from portal.text import borrowed

MODULES = (
    "allauth.account.adapter",
    "allauth.account.forms",
    "django.contrib.auth.password_validation",
    "django.contrib.auth.validators",
    "django.core.validators",
    "django.forms.fields",
)
# Where else the texts come from that we name.
ELSEWHERE = (
    "allauth.account.models",
    "allauth.core.ratelimit",
    "django.contrib.auth.forms",
    "django.contrib.auth.models",
    "django.db.models.fields",
    "django.forms.models",
)
MARKS = ("_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy")
# Neither by the first name, nor in the infinitive, as some of them have it; nor misspelt.
NOT_OURS = re.compile(
    r"\b(du|dich|dir|dein\w*|gib|wähle|habe|versuche|Bitte(?!.*\bSie\b)|selbe|sicherstellen|Anmeldename)\b"
    r"|E-Mail Adresse|E-Mailadresse|Email",
    re.IGNORECASE,
)
# Our fields have none of these: lists of numbers, addresses of hosts, files of one kind.
NOT_SHOWN = re.compile(r"protocol|Unicode letters|separated by commas|phone|code|Remember")


def texts_of(module: str) -> Iterator[str]:
    """Yield the texts that a module marks for translation."""
    spec = find_spec(module)
    assert spec
    assert spec.origin
    for node in ast.walk(ast.parse(Path(spec.origin).read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in MARKS:
            texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            yield from (text for text in texts if isinstance(text, str))


@pytest.mark.parametrize("module", MODULES)
def test_they_speak_as_we_do(module: str) -> None:
    texts = [text for text in texts_of(module) if not NOT_SHOWN.search(text)]
    assert texts
    with override("de"):
        wrong = {text: gettext(text) for text in texts if NOT_OURS.search(gettext(text))}
    assert wrong == {}


def test_what_is_named_is_what_the_libraries_have() -> None:
    """A text that a library has changed is one that nobody shows."""
    marked = {text for module in [*MODULES, *ELSEWHERE] for text in texts_of(module)}
    lost = {*borrowed.OF_FORMS, *borrowed.OF_ACCOUNTS} - marked
    assert lost == set()


def test_countries_have_their_german_names_in_their_order() -> None:
    with override("de"):
        names = [str(name) for code, name in countries]
    right = "Eswatini Grenada Hongkong Kiribati Moldau Mosambik Papua-Neuguinea Saudi-Arabien"
    assert set(right.split()) <= set(names)
    places = [names.index(name) for name in right.split()]
    assert places == sorted(places)
    assert names.index("Österreich") < names.index("Pakistan")
