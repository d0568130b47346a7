"""Check what every page must hold: no barrier that axe knows, nothing wider than the screen."""

from __future__ import annotations

import itertools
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

axe = Axe()
WIDTHS = (1280, 360)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

WIDER_THAN_THE_SCREEN = """() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (node) => node && node !== document.body
    && (getComputedStyle(node).overflowX !== "visible" || scrolls(node.parentElement));
  if (document.documentElement.scrollWidth <= width) return [];
  const nodes = [...document.body.querySelectorAll("*")]
    .filter((node) => node.getBoundingClientRect().left + node.scrollWidth > width + 1)
    .filter((node) => !scrolls(node))
    .map((node) => node.outerHTML.slice(0, 120));
  return [`${document.documentElement.scrollWidth} px`, ...nodes];
}"""

SETTLED = """async () => {
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  await Promise.all(document.getAnimations().map((motion) => motion.finished.catch(() => null)));
}"""


def barriers(page: Page) -> list[str]:
    """List each violation that axe finds: rule, where, and what it says."""
    return [
        f"{violation['id']}: {node['target']}: {node['html'][:160]}"
        for violation in axe.run(page).response["violations"]
        for node in violation["nodes"]
    ]


def overflows(page: Page) -> list[str]:
    """List the elements that are wider than the screen."""
    elements: list[str] = page.evaluate(WIDER_THAN_THE_SCREEN)
    return elements


def expect_open_to_all(page: Page) -> None:
    """Run axe wide and narrow, light and dark; the page's content policy must let it in."""
    for width, theme in itertools.product(WIDTHS, THEMES):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.evaluate(SETTLED)
        assert barriers(page) == [], f"{page.url} at {width} px, {theme}"
        assert overflows(page) == [], f"{page.url} at {width} px, {theme}"
