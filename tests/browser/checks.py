"""Check what every page must hold: no barrier that axe knows, nothing wider than the screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

AXE = Axe()
EVERY_RULE: dict[str, Any] = {"resultTypes": ["violations"]}
# A theme changes nothing but colours.
COLOURS = EVERY_RULE | {"runOnly": ["color-contrast", "link-in-text-block"]}
# Narrow, `every_page` reads each page for barriers that are serious, as contrast is.
LOOKS: tuple[tuple[int, Literal["light", "dark"], dict[str, Any] | None], ...] = (
    (1280, "light", EVERY_RULE),
    (1280, "dark", COLOURS),
    (360, "dark", None),
)
RUN = "(options) => axe.run(options).then((results) => results.violations)"

# Widths of the window in px, with the size of the text in percent of the usual.
SIZES = {"wide": (1280, 100), "large text": (1280, 200), "narrow": (360, 100)}

# Marks elements that are drawn by their background alone, such as the bar of a meter of our own.
MARK_FILLS = """() => {
  const native = "svg *, option, input, meter, progress";
  for (const node of document.querySelectorAll(`main *:not(${native})`)) {
    const box = node.getBoundingClientRect(), style = getComputedStyle(node);
    const isSeen = node.checkVisibility({visibilityProperty: true})
      && Math.min(box.width, box.height) > 1;
    const isEmpty = !node.textContent.trim() && !node.children.length;
    const isFilled = !/^rgba\\(.*, 0\\)$|^transparent$/.test(style.backgroundColor);
    if (isSeen && isEmpty && isFilled) node.dataset.fill = "";
  }
}"""
VANISHED = """() => {
  const sheet = document.body.appendChild(document.createElement("i"));
  sheet.style.backgroundColor = "Canvas";
  const canvas = getComputedStyle(sheet).backgroundColor;
  sheet.remove();
  return [...document.querySelectorAll("[data-fill]")].filter((node) => {
    const style = getComputedStyle(node);
    const edges = ["Top", "Right", "Bottom", "Left"].map((side) => style[`border${side}Width`]);
    return style.forcedColorAdjust === "auto" && style.outlineStyle === "none"
      && edges.every((width) => width === "0px")
      && style.backgroundColor === canvas;
  }).map((node) => `${node.parentElement.outerHTML.slice(0, 160)} can't be seen`);
}"""

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
  const ends = (motion) => motion.effect.getComputedTiming().endTime < Infinity;
  const ending = document.getAnimations().filter(ends);
  await Promise.all(ending.map((motion) => motion.finished.catch(() => null)));
}"""


def _violations(page: Page, options: dict[str, Any]) -> list[dict[str, Any]]:
    """Run axe on a page as it stands; the page's content policy must let it in."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.axe_script)
    violations: list[dict[str, Any]] = page.evaluate(RUN, options)
    return violations


def _in_words(violations: list[dict[str, Any]]) -> list[str]:
    return [
        f"{violation['id']}: {node['target']}: {node['html'][:160]}"
        for violation in violations
        for node in violation["nodes"]
    ]


def serious_barriers(page: Page) -> list[str]:
    """List the violations that axe calls serious or critical, at the page's present width."""
    violations = _violations(page, EVERY_RULE)
    return _in_words([one for one in violations if one["impact"] in ("serious", "critical")])


def overflows(page: Page) -> list[str]:
    """List the elements that are wider than the screen."""
    elements: list[str] = page.evaluate(WIDER_THAN_THE_SCREEN)
    return elements


def overflows_at(page: Page, size: str) -> list[str]:
    """Set the window and the text to one of ``SIZES``, and list what is wider than the screen."""
    width, percent = SIZES[size]
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("(size) => document.documentElement.style.fontSize = size", f"{percent}%")
    return overflows(page)


def vanished_in_forced_colours(page: Page) -> list[str]:
    """List the elements that can't be seen once the reader's own colours replace the page's."""
    page.evaluate(MARK_FILLS)
    page.emulate_media(forced_colors="active")
    vanished: list[str] = page.evaluate(VANISHED)
    page.emulate_media(forced_colors="none")
    return vanished


def faults_of(page: Page) -> Iterator[str]:
    """Yield each barrier that axe finds, and each element that is wider than the screen.

    The page is looked at wide and narrow, light and dark.
    """
    for width, theme, options in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.evaluate(SETTLED)
        barriers = _in_words(_violations(page, options)) if options else []
        for fault in [*barriers, *overflows(page)]:
            yield f"{page.url} at {width} px, {theme}: {fault}"


def expect_open_to_all(page: Page) -> None:
    """Hold a page to having no fault, in any look."""
    assert list(faults_of(page)) == []
