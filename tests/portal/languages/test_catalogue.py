"""The catalogue of translated texts is whole: each text of ours has its German.

``make messages`` gathers the texts and compiles the catalogue; what it would change fails here.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.core.management import call_command

CATALOGUE = Path(settings.LOCALE_PATHS[0]) / "de" / "LC_MESSAGES" / "django.po"
HOLDERS = re.compile(r"%\(\w+\)[sd]|%%|{\w*(?::\w+)?}")
TAGS = re.compile(r"</?\w+")
Entry = polib.POEntry


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return list(polib.pofile(str(CATALOGUE)))


def name_of(entry: Entry) -> str:
    return f"{entry.msgctxt}: {entry.msgid}" if entry.msgctxt else str(entry.msgid)


def forms_of(entry: Entry) -> list[tuple[str, str]]:
    """Return each form of a text beside its translation; a plural's forms are one for each."""
    if not entry.msgid_plural:
        return [(entry.msgid, entry.msgstr)]
    one, many = entry.msgstr_plural[0], entry.msgstr_plural[1]
    return [(entry.msgid, one), (entry.msgid_plural, many)]


def test_every_text_is_translated(entries: list[Entry]) -> None:
    assert len(entries) > 1000
    assert [name_of(entry) for entry in entries if not entry.translated()] == []


def test_a_translation_has_the_names_and_the_markup_of_its_text(entries: list[Entry]) -> None:
    other = {
        text: translated
        for entry in entries
        for text, translated in forms_of(entry)
        if set(HOLDERS.findall(text)) != set(HOLDERS.findall(translated))
        or sorted(TAGS.findall(text)) != sorted(TAGS.findall(translated))
        or text.startswith("\n") != translated.startswith("\n")
        or text.endswith("\n") != translated.endswith("\n")
    }
    assert other == {}


def test_the_compiled_catalogue_is_that_of_the_texts(entries: list[Entry]) -> None:
    def forms(entry: Entry) -> tuple[str | None, str, str, tuple[str, ...]]:
        translated = tuple(text for _, text in forms_of(entry))
        return entry.msgctxt, entry.msgid, entry.msgid_plural, translated

    compiled = {forms(entry) for entry in polib.mofile(str(CATALOGUE.with_suffix(".mo")))}
    assert compiled == {forms(entry) for entry in entries}


@pytest.mark.skipif(not shutil.which("xgettext"), reason="needs gettext's tools")
def test_it_has_the_texts_that_there_are(
    entries: list[Entry], tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gather the texts anew from a copy of the sources, beside which it writes while it reads."""
    for name in ("portal", "templates"):
        shutil.copytree(
            settings.BASE_DIR / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    settings.LOCALE_PATHS = [tmp_path / "portal" / "locale"]
    monkeypatch.chdir(tmp_path)
    call_command(
        "makemessages", locale=["de"], no_location=True, no_obsolete=True, no_wrap=True, verbosity=0
    )
    gathered = polib.pofile(str(tmp_path / CATALOGUE.relative_to(settings.BASE_DIR)))
    assert {name_of(entry) for entry in gathered} == {name_of(entry) for entry in entries}
