"""Walk a running portal as a person would: every link that a page offers, and every form.

Pages that differ in numbers alone are of one kind, of which a few are looked at. A form is sent as
it stands after its session was lost; nothing is changed, and where the sign-in leads is a page.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urldefrag, urljoin, urlsplit

import httpx2
from lxml import html

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Site": "same-origin"}
LETTERS_OF_ALL = "/demo/mail"  # what stands there is for those whom the letters went to
SIGNS_OUT = ("/accounts/logout/",)
SIGN_IN = "/accounts/login/"
SESSION, CSRF = "sessionid", "csrftoken"


@dataclass
class Walk:
    """A walk's findings: ``faults`` say which page offered what, and how it was answered."""

    pages: int = 0
    links: int = 0
    forms: int = 0
    faults: list[str] = field(default_factory=list)


class Walker:
    """A walk by one role. ``at_most`` bounds the pages, ``of_a_kind`` those of one kind."""

    def __init__(self, base_url: str, account: dict[str, str] | None, of_a_kind: int = 2) -> None:
        self.base_url = base_url
        self.of_a_kind = of_a_kind
        self.client = httpx2.Client(headers=BROWSER, timeout=60)
        if account:
            self._sign_in(account)

    def walk(self, start: list[str], at_most: int) -> Walk:
        walk, kinds = Walk(), Counter[str]()
        forms: set[str] = set()
        queue = deque((path, "the start") for path in start)
        seen = set(start)
        while queue and walk.pages < at_most:
            path, offered_by = queue.popleft()
            page = self._open(path, offered_by, walk)
            if page is None:
                continue
            for form in page.forms:
                self._send_without_session(form, path, forms, walk)
            if path.startswith(LETTERS_OF_ALL):
                continue
            for link in self._links(page, path):
                kind = _kind(link)
                if link not in seen and kinds[kind] < self.of_a_kind:
                    seen.add(link)
                    kinds[kind] += 1
                    queue.append((link, path))
        self.client.close()
        return walk

    def _open(self, path: str, offered_by: str, walk: Walk) -> html.HtmlElement | None:
        """Return the page; None for files, for redirects out, and for what is refused."""
        walk.links += 1
        headers = {"Referer": self.base_url + offered_by}
        with self.client.stream(
            "GET", self.base_url + path, headers=headers, follow_redirects=True
        ) as answer:
            if answer.status_code >= 400:
                walk.faults.append(f"{offered_by} offers {path}: {answer.status_code}")
                return None
            if not answer.headers.get("content-type", "").startswith("text/html"):
                return None
            content = answer.read()
        walk.pages += 1
        return html.fromstring(content) if content else None

    def _links(self, page: html.HtmlElement, path: str) -> Iterator[str]:
        for anchor in page.iterfind(".//a[@href]"):
            there = urldefrag(urljoin(self.base_url + path, anchor.get("href"))).url
            if there.startswith(f"{self.base_url}/"):
                link = there.removeprefix(self.base_url)
                if not link.startswith(SIGNS_OUT):
                    yield link

    def _send_without_session(
        self, form: html.FormElement, path: str, sent: set[str], walk: Walk
    ) -> None:
        """Send a form as somebody whose session has ended meanwhile, and follow the sign-in."""
        action = urljoin(self.base_url + path, form.get("action") or "")
        kind = _kind(action.removeprefix(self.base_url))
        if form.method.upper() != "POST" or not action.startswith(self.base_url) or kind in sent:
            return
        sent.add(kind)
        walk.forms += 1
        cookies = {CSRF: self.client.cookies.get(CSRF, "")}
        data = {key: value for key, value in form.form_values() if value is not None}
        answer = httpx2.post(
            action, data=data, cookies=cookies, headers=BROWSER | {"Referer": self.base_url + path}
        )
        if answer.status_code >= 400 and not _keeps_what_was_typed(answer):
            walk.faults.append(f"{path}: form {action} without a session: {answer.status_code}")
        location = answer.headers.get("location", "")
        if location.startswith(SIGN_IN):
            for back in parse_qs(urlsplit(location).query).get("next", []):
                self._open(urldefrag(back).url, f"the sign-in after {action}", walk)

    def _sign_in(self, account: dict[str, str]) -> None:
        page = self.client.get(self.base_url + SIGN_IN)
        form = next(
            login_form
            for login_form in html.fromstring(page.content).forms
            if "login" in login_form.fields
        )
        data = dict(form.form_values()) | {
            "login": account["email"],
            "password": account["password"],
        }
        answer = self.client.post(
            self.base_url + SIGN_IN, data=data, headers={"Referer": self.base_url + SIGN_IN}
        )
        assert SESSION in self.client.cookies, answer.text[:500]


def _keeps_what_was_typed(answer: httpx2.Response) -> bool:
    """Accept a page of its own that says what is wrong with the form, and holds it."""
    return answer.status_code == 422 and "<form" in answer.text


def _kind(link: str) -> str:
    """Name what a link leads to: its path without numbers and hashes, and the names it asks by."""
    parts = urlsplit(link)
    path = re.sub(r"[0-9a-f]{16,}|\d+", "N", parts.path)
    return f"{path}?{','.join(sorted(parse_qs(parts.query, keep_blank_values=True)))}"
