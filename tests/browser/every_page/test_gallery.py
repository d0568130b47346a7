"""Take a picture of every page, wide and narrow, in both themes, onto one sheet to look at.

``make gallery`` runs it; without ``GALLERY``, the folder to fill, there is nothing to do.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext
from pytest_django.live_server_helper import LiveServer

from portal.accounts.models import User
from tests.browser.every_page.test_in_the_browser import context_of
from tests.browser.every_page.visits import Visit, visits
from tests.browser.every_page.world import Portal

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("beside_playwrights_loop"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not os.environ.get("GALLERY"), reason="make gallery takes the pictures"),
]
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
WIDTHS = (1280, 360)
SHEET = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Gallery</title>
<style>
body {{ font: 14px system-ui; margin: 2rem; }}
figure {{ display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top; }}
img {{ border: 1px solid #ccc; max-height: 40rem; object-fit: contain; object-position: top; }}
</style>
<h1>{count} pages</h1>
{pages}
"""


@dataclass(frozen=True)
class Picture:
    """One picture of one page."""

    visit: Visit
    width: int
    theme: Theme

    @property
    def name(self) -> str:
        place = re.sub(r"[^a-z0-9]+", "-", str(self.visit).casefold()).strip("-")[:120]
        return f"{place}-{self.width}-{self.theme}.jpeg"


def test_pictures_of_every_page(
    shown_portal: Portal, browser: Browser, live_server: LiveServer
) -> None:
    folder = Path(os.environ["GALLERY"])
    folder.mkdir(parents=True, exist_ok=True)
    by_person: dict[User | None, list[Visit]] = defaultdict(list)
    for visit in visits(shown_portal):
        by_person[visit.person].append(visit)
    pictures: dict[str, list[Picture]] = {}
    for person, pages in by_person.items():
        context = context_of(person, browser, live_server.url, scripts=True)
        for visit in pages:
            pictures[str(visit)] = take(context, visit, folder)
        context.close()
    (folder / "index.html").write_text(sheet(pictures))
    assert pictures


def take(context: BrowserContext, visit: Visit, folder: Path) -> list[Picture]:
    page = context.new_page()
    pictures = [Picture(visit, width, theme) for theme in THEMES for width in WIDTHS]
    page.goto(visit.path)
    for picture in pictures:
        page.emulate_media(color_scheme=picture.theme)
        page.set_viewport_size({"width": picture.width, "height": 900})
        path = folder / picture.name
        page.screenshot(path=path, full_page=True, type="jpeg", quality=60)
    page.close()
    return pictures


def sheet(pictures: dict[str, list[Picture]]) -> str:
    pages = "\n".join(
        f"<h2>{escape(name)}</h2>\n"
        + "".join(
            f'<figure><img src="{picture.name}" alt="" loading="lazy">'
            f"<figcaption>{picture.width} px, {picture.theme}</figcaption></figure>"
            for picture in taken
        )
        for name, taken in pictures.items()
    )
    return SHEET.format(count=len(pictures), pages=pages)
