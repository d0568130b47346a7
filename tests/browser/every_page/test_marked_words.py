"""Every word of ours on a page for researchers or the public can be translated.

Each page is read in a language whose every text stands in brackets. What stands outside of them is
data: it is in the database, or is set apart as a name, as code, or as a text in a language of its
own. Two words in a row that are neither are a text that nobody can translate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db.models import CharField, JSONField, TextField
from django.test import RequestFactory
from django.utils import translation
from django_countries import countries
from lxml import html

from portal.accounts.models import User
from portal.surfaces.languages.deciding import is_translated
from tests.architecture.permissions.test_permissions import undone
from tests.browser.every_page.test_by_request import browse
from tests.browser.every_page.visits import Visit, visits
from tests.browser.every_page.world import Portal, make_portal

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]
OPEN, CLOSE = "\u27e6", "\u27e7"
SAID_IN = ("aria-label", "title", "placeholder", "alt")
SET_APART = ("bdi", "code", "kbd", "pre", "script", "style", "textarea")
SENTENCE = re.compile(r"[^\W\d_]{2,}(?:[ ,;:]+[^\W\d_]{2,})+")
# Names of others, and of ours, which are the same in every language.
NAMES = re.compile(r"Hugging Face(?: Hub)?|OpenAI API|Weightgate|Deutsch|English|Python, \w+")


@pytest.fixture
def portal(tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch) -> Portal:
    settings.DEMO = True
    return make_portal(tmp_path)


@pytest.fixture
def bracketed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write brackets around every text that is looked up in a catalogue of another language."""
    real: Any = translation._trans  # type: ignore[attr-defined]

    def marked(text: str) -> str:
        english = translation.get_language() == "en"
        return text if english or not text else f"{OPEN}{text}{CLOSE}"

    def plural(one: str, many: str, number: int) -> str:
        return marked(one if number == 1 else many)

    monkeypatch.setattr(real, "gettext", marked)
    monkeypatch.setattr(real, "ngettext", plural)
    monkeypatch.setattr(real, "pgettext", lambda context, text: marked(text))
    monkeypatch.setattr(real, "npgettext", lambda context, *texts: plural(*texts))


def strings(value: Any) -> Iterator[str]:
    """Yield the texts in a value of the database, in whatever it is nested."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def stored() -> re.Pattern[str]:
    """Return a pattern of every text in the database, of which pages show some as they are."""
    texts = {str(name) for _, name in countries}  # which has a catalogue of its own
    for model in apps.get_models():
        fields = [field for field in model._meta.local_fields if not field.choices]
        for field in fields:
            if isinstance(field, (CharField, TextField, JSONField)):
                for value in model._default_manager.values_list(field.name, flat=True):
                    texts.update(" ".join(text.split()) for text in strings(value))
    return of_texts(texts)


def of_texts(texts: set[str]) -> re.Pattern[str]:
    """Return a pattern of texts as whole words, the longest first; no text is shorter than two."""
    longest_first = sorted((text for text in texts if len(text) > 1), key=len, reverse=True)
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")


def outside(pieces: list[str]) -> str:
    """Return what stands outside of the brackets, which may span several pieces of a page."""
    depth, left = 0, []
    for piece in pieces:
        for sign in piece:
            if sign == CLOSE:
                depth -= 1
            elif sign == OPEN:
                depth += 1
            elif depth <= 0:
                left.append(sign)
        left.append("\n")
    return "".join(left)


def shown(page: html.HtmlElement) -> Iterator[str]:
    """Yield the pieces of text that people see or hear, each by itself."""
    here = page.get("lang")
    apart = [f"//{tag}" for tag in SET_APART]
    for part in page.xpath(" | ".join([*apart, f"//body//*[@lang and @lang != '{here}']"])):
        part.clear(keep_tail=True)
    for part in page.iter():
        if isinstance(part.tag, str):
            yield part.text or ""
        yield part.tail or ""


def said(page: html.HtmlElement) -> Iterator[str]:
    for name in SAID_IN:
        yield from page.xpath(f"//*[not(@lang) or @lang = '{page.get('lang')}']/@{name}")


def unmarked(page: html.HtmlElement, data: re.Pattern[str]) -> list[str]:
    """Return the runs of words of a page that can't be translated and are no data."""
    texts = [outside([text]) for text in said(page)]
    texts += outside(list(shown(page))).split("\n")
    left = []
    for text in texts:
        plain = NAMES.sub("|", " ".join(text.split()))
        if SENTENCE.search(plain):
            left += [match[0] for match in SENTENCE.finditer(data.sub("|", plain))]
    return left


def in_another_language(visit: Visit) -> html.HtmlElement | None:
    """Visit a page with a browser that asks for German; None where it is English all the same."""
    client = browse(visit.person)
    with undone():
        answer = client.get(visit.path, follow=True, headers={"Accept-Language": "de"})
    is_page = answer.get("Content-Type", "").startswith("text/html")
    if not is_page or answer.get("Content-Language") != "de":
        return None
    return html.fromstring(answer.content.decode())


def test_no_text_of_ours_is_left_unmarked(portal: Portal, bracketed: None) -> None:
    User.objects.update(language="de")
    data, left, read = stored(), {}, 0
    for visit in visits(portal):
        request = RequestFactory().get(visit.path, headers={"Accept": "text/html"})
        page = in_another_language(visit) if is_translated(request) else None
        if page is not None:
            read += 1
            if texts := unmarked(page, data):
                left[str(visit)] = texts
    assert read > 40
    assert left == {}


def test_a_page_that_is_not_marked_is_told() -> None:
    page = html.fromstring(
        f"<html lang='de'><body><p title='Two words'>{OPEN}All <b>of</b> it{CLOSE}: <i>not "
        "this</i> <bdi>A name</bdi> <span lang='en'>An English text</span> a datum here</p></body>"
    )
    assert unmarked(page, of_texts({"a datum here"})) == ["Two words", "not this"]
