"""Pictures of a running demo, into docs/screenshots/: 1280 px wide, or 360 with --narrow.

Start the demo first (`make demo`); its $WEIGHTGATE_VAR/demo.json says where it is and who may
sign in. Pages are taken as the role that uses them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, NARROW, HEIGHT = 1280, 360, 900


@dataclass(frozen=True)
class Shot:
    """``path`` may name ``{gated}``; ``role`` is who looks; ``follow`` a link to open there.

    ``folded`` is cut off at the height of a screen.
    """

    name: str
    path: str
    role: str = ""
    follow: str = ""
    folded: bool = False


SHOTS = [
    Shot("models", "/"),
    Shot("model", "/{gated}", "newcomer"),
    Shot("files", "/{gated}#files", "approved"),
    Shot("licence", "/{gated}#licence", "newcomer"),
    Shot("use", "/{gated}#use", "approved"),
    Shot("logbook", "/{gated}#logbook", "newcomer"),
    Shot("licence-text", "/licences/noncommercial-research/1.0"),
    Shot("sign", "/sign/{licence}", "newcomer"),
    Shot("requests", "/requests", "applicant"),
    Shot("request", "/requests", "asked", follow="main a[href^='/requests/']", folded=True),
    Shot("granted", "/requests", "approved", follow="main a[href^='/requests/']"),
    Shot("queue", "/queue", "reviewer"),
    Shot("case", "/queue?q=Open", "reviewer", follow="main a[href^='/queue/']", folded=True),
    Shot("gate", "/gates/{gated}", "reviewer"),
    Shot("grants", "/grants/of/{gated}?view=all", "reviewer"),
    Shot("grant", "/grants", "holder", follow="main a[href^='/grants/']", folded=True),
    Shot("transparency", "/transparency", folded=True),
    Shot("planner", "/planner", folded=True),
    Shot("record", "/record", folded=True),
    Shot("inbox", "/inbox", "approved"),
    Shot("letter", "/inbox", "approved", follow="main a[href^='/inbox/']"),
    Shot("tokens", "/tokens", "approved"),
    Shot("playground", "/playground", "approved"),
    Shot("jobs", "/jobs", "approved"),
    Shot("demo-mail", "/demo/mail"),
    Shot("sign-in", "/accounts/login/"),
    Shot("sign-up", "/accounts/signup/"),
    Shot("not-found", "/nobody/nothing"),
]


def main() -> int:
    options = _options()
    demo = _demo(options.var)
    if demo is None:
        print(f"No demo runs on {options.var}. Start it with `make demo`.", file=sys.stderr)
        return 1
    wanted = [shot for shot in SHOTS if not options.only or shot.name in options.only]
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for shot in wanted:
            _take(browser, demo, shot, options)
        browser.close()
    print(f"{len(wanted)} pictures in {options.out}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    var = Path(os.environ.get("WEIGHTGATE_VAR") or ROOT / "var")
    parser.add_argument("--var", type=Path, default=var, help="or WEIGHTGATE_VAR (./var)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--narrow", action="store_true", help="360 px wide, as on a telephone")
    parser.add_argument("--dark", action="store_true", help="in the dark theme")
    parser.add_argument("only", nargs="*", metavar="NAME", help="of: " + _names())
    return parser.parse_args()


def _names() -> str:
    return ", ".join(shot.name for shot in SHOTS)


def _demo(var: Path) -> dict[str, Any] | None:
    path = var / "demo.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def _take(browser: Browser, demo: dict[str, Any], shot: Shot, options: argparse.Namespace) -> None:
    suffix = ("-narrow" if options.narrow else "") + ("-dark" if options.dark else "")
    with _page(browser, demo, options) as page:
        if shot.role:
            _sign_in(page, {**demo["others"], **demo["accounts"]}[shot.role])
        page.goto(shot.path.format(**demo["repos"]))
        if shot.follow and page.locator(shot.follow).count():
            page.locator(shot.follow).first.click()
            page.wait_for_load_state()
        page.screenshot(path=options.out / f"{shot.name}{suffix}.png", full_page=not shot.folded)


@contextmanager
def _page(browser: Browser, demo: dict[str, Any], options: argparse.Namespace) -> Iterator[Page]:
    context = browser.new_context(
        base_url=demo["base_url"],
        viewport={"width": NARROW if options.narrow else WIDE, "height": HEIGHT},
        color_scheme="dark" if options.dark else "light",
        reduced_motion="reduce",
    )
    try:
        yield context.new_page()
    finally:
        context.close()


def _sign_in(page: Page, account: dict[str, str]) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username or e-mail").fill(account["username"])
    page.get_by_label("Password", exact=True).fill(account["password"])
    page.locator("main button.go").click()
    page.wait_for_load_state()


if __name__ == "__main__":
    raise SystemExit(main())
