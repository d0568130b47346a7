"""The acts of people on a site whose servers fail: one function for each kind."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx2

CSRF = "c" * 32
PATIENCE_SECONDS = 60.0
RANGE_BYTES = 16 << 10
ANSWERS = {
    "organization": "Example University",
    "country": "NL",
    "sector": "academia",
    "purpose": "How well are its answers calibrated?",
    "outputs": "A paper.",
    "modes": ["download"],
    "compute": "One node.",
}


class Refused(Exception):
    """An answer that isn't success, or none: ``status`` is 0 where the connection broke."""

    def __init__(self, status: int, fault: str = "") -> None:
        super().__init__(f"{status} {fault}")
        self.status, self.fault = status, fault


@dataclass(frozen=True)
class Act:
    """One act: when it began and ended, its status, and what was wrong with the answer's form."""

    kind: str
    began: float
    ended: float
    status: int
    fault: str = ""

    @property
    def succeeded(self) -> bool:
        return self.status == 200 and not self.fault


@dataclass
class Ledger:
    """The account of all acts, and of what the site acknowledged."""

    acts: list[Act] = field(default_factory=list)
    acknowledged: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def noting(self, kind: str) -> Iterator[None]:
        began = time.monotonic()
        status, fault = 200, ""
        try:
            yield
        except Refused as refused:
            status, fault = refused.status, refused.fault
        except httpx2.TransportError:
            status = 0
        self.acts.append(Act(kind, began, time.monotonic(), status, fault))

    def acknowledge(self, kind: str, key: str) -> None:
        self.acknowledged.append({"kind": kind, "key": key, "at": time.monotonic()})


def form_fault(response: httpx2.Response) -> str:
    """Name what a failed answer lacks: a reason, words without a traceback, when to ask again."""
    if response.status_code < 500:
        return ""
    text = response.text
    if "Traceback" in text or "most recent call last" in text:
        return "traceback"
    if response.status_code == 500:
        return "500"
    if response.status_code == 503 and "Retry-After" not in response.headers:
        return "no Retry-After"
    return ""


def require(response: httpx2.Response, *, conflict: bool = False) -> httpx2.Response:
    """Return a good answer. Raises Refused; with ``conflict``, 409 says that it was done before."""
    if response.is_success or (conflict and response.status_code == 409):
        return response
    response.read()
    raise Refused(response.status_code, form_fault(response))


class Person:
    """Somebody with a session, a token, or both."""

    def __init__(self, base_url: str, credentials: dict[str, str]) -> None:
        self.credentials = credentials
        self.base_url = base_url
        self.client = httpx2.Client(base_url=base_url, timeout=PATIENCE_SECONDS)
        cookies = {"sessionid": credentials["session"], "csrftoken": CSRF}
        self.pages = httpx2.Client(base_url=base_url, timeout=PATIENCE_SECONDS, cookies=cookies)

    def close(self) -> None:
        self.client.close()
        self.pages.close()

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.credentials['token']}"}

    def api(self, method: str, path: str, **body: Any) -> httpx2.Response:
        json_body = body or None
        headers = {"X-CSRFToken": CSRF}
        return self.pages.request(method, f"/api/v1/{path}", json=json_body, headers=headers)


Step = Callable[[], None]


def reader(person: Person, repo: str, ledger: Ledger) -> Step:
    places = ("/", f"/{repo}", "/record", "/access")
    turns = count()

    def read() -> None:
        with ledger.noting("page"):
            require(person.pages.get(places[next(turns) % len(places)]))
        with ledger.noting("API"):
            require(person.api("GET", "requests/"))

    return read


def submitted(person: Person, seed: dict[str, Any], ledger: Ledger) -> int:
    """Submit a request, unless the person's last one waits; return its number."""
    draft = require(person.api("POST", "requests/", repo=seed["repo"])).json()
    place, name = f"requests/{draft['id']}/", person.credentials["typed_name"]
    if draft["state"] == "draft":
        require(person.api("PATCH", place, answers={**ANSWERS, "name": name}))
        signature = {
            "text_sha256": seed["text_sha256"],
            "typed_name": name,
            "capacity": "person",
            "attestations": seed["attestations"],
        }
        require(person.api("POST", f"{place}submit/", signature=signature))
        ledger.acknowledge("request.submitted", str(draft["id"]))
    return int(draft["id"])


def applicant(person: Person, seed: dict[str, Any], ledger: Ledger, *, stays: bool = False) -> Step:
    """Ask, and withdraw, unless the request ``stays``."""

    def ask() -> None:
        with ledger.noting("request"):
            number = submitted(person, seed, ledger)
            if not stays:
                require(person.api("POST", f"requests/{number}/withdraw/"))
                ledger.acknowledge("request.withdrawn", str(number))

    return ask


def decision(person: Person, reviewer: Person, seed: dict[str, Any], ledger: Ledger) -> Step:
    """Ask, approve, and close the grant, so that the same person can ask again."""
    until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()

    closed = set[int]()

    def close_grants() -> None:
        for grant in require(person.api("GET", "grants/")).json()["results"]:
            if (number := grant["id"]) not in closed:
                body = {"statement": "No copies were made.", "deleted_copies": True}
                require(person.api("POST", f"grants/{number}/close/", **body), conflict=True)
                ledger.acknowledge("grant.closed", str(number))
                closed.add(number)

    def decide() -> None:
        with ledger.noting("grant"):
            close_grants()
            case = submitted(person, seed, ledger)
            approval = {"modes": ["download"], "until": until}
            require(reviewer.api("POST", f"queue/{case}/approve/", **approval), conflict=True)
            ledger.acknowledge("request.approved", str(case))

    return decide


def downloader(person: Person, repo: str, name: str, sha256: str, ledger: Ledger) -> Step:
    """Fetch a file by ranges, going on where the last one ended."""

    def fetch() -> None:
        digest, have, size = hashlib.sha256(), 0, RANGE_BYTES
        began = time.monotonic()
        while have < size and time.monotonic() - began < PATIENCE_SECONDS * 3:
            with ledger.noting("download"):
                # nanio refuses a range that ends behind the file
                span = f"bytes={have}-{min(have + RANGE_BYTES, size) - 1}"
                place = f"/{repo}/resolve/main/{name}"
                headers = {**person.bearer, "Range": span}
                part = person.client.get(place, headers=headers, follow_redirects=True)
                require(part)
                size = int(part.headers["Content-Range"].rpartition("/")[2])
                digest.update(part.content)
                have += len(part.content)
                if have >= size and digest.hexdigest() != sha256:
                    raise Refused(200, "other bytes")

    return fetch


def prompter(person: Person, repo: str, ledger: Ledger) -> Step:
    """Stream a completion to its end."""

    def prompt() -> None:
        with ledger.noting("completion"):
            body = {"model": repo, "prompt": "The sluice", "max_tokens": 24, "stream": True}
            with person.client.stream(
                "POST", "/v1/completions", json=body, headers=person.bearer
            ) as stream:
                require(stream)
                ledger.acknowledge("job", stream.headers["X-Request-Id"])
                lines = [line for line in stream.iter_lines() if line.startswith("data: ")]
            if not lines or lines[-1] != "data: [DONE]":
                raise Refused(200, "stream cut")
            last = json.loads(lines[-2].removeprefix("data: "))
            if "error" in last:
                raise Refused(200, "error in stream")

    return prompt


def uploader(person: Person, ledger: Ledger) -> Step:
    """Commit a small file."""
    repo, numbers = person.credentials["repo"], count()

    def upload() -> None:
        content = base64.b64encode(f"note {next(numbers)}\n".encode() * 1000).decode()
        lines = [
            {"key": "header", "value": {"summary": "A note", "description": ""}},
            {
                "key": "file",
                "value": {"path": "note.txt", "content": content, "encoding": "base64"},
            },
        ]
        with ledger.noting("upload"):
            answer = person.client.post(
                f"/api/models/{repo}/commit/main",
                content="\n".join(map(json.dumps, lines)).encode(),
                headers={**person.bearer, "Content-Type": "application/x-ndjson"},
            )
            ledger.acknowledge("commit", require(answer).json()["commitOid"])

    return upload
