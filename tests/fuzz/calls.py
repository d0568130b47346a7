"""Make calls to every address by chance: as somebody, with fields that are mostly sound."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

from tests.architecture.permissions import test_permissions as permissions
from tests.fuzz import values
from tests.fuzz.bodies import api_view, sent

LARGEST_URL = 7000
KEPT_OUT = (401, 403, 404, 405, "login")
STRIDE = 101  # prime, so that neighbours in the rows don't come one after the other
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
QUERIES = [
    *("page", "limit", "cursor", "after", "before", "revision", "q", "entries", "path", "sort"),
    *("num_parameters", "filter", "search", "author", "gated", "expand", "recursive", "full"),
    *("state", "repo", "group", "grouping", "assignee", "view", "kind", "part", "download", "next"),
]
PLAIN_PAGES = [
    *("account_login", "account_signup", "account_reset_password", "account_email"),
    *("account_change_password", "account_logout"),
]


class AnyClient(Client):
    """A client without conftest's rules for pages: here they are sent what no form has."""

    request = Client.request


@dataclass
class Call:
    """A request, as it can be sent again."""

    role: str
    by_token: bool
    method: str
    url: str
    body: bytes = b""
    content_type: str = "application/octet-stream"
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, world: permissions.World) -> HttpResponseBase:
        client = AnyClient(raise_request_exception=False)
        headers = dict(self.headers)
        if self.by_token and self.role in world.secrets:
            headers.setdefault("Authorization", f"Bearer {world.secrets[self.role]}")
        elif self.role in world.people:
            client.force_login(world.people[self.role])
        return client.generic(
            self.method, self.url, self.body, content_type=self.content_type, headers=headers
        )

    def __str__(self) -> str:
        how = "token" if self.by_token else "session"
        sent = f"{self.content_type!r} {self.body[:300]!r} ({len(self.body)} bytes)"
        return f"{self.role} by {how}: {self.method} {self.url[:600]!r} {self.headers} {sent}"


@dataclass(frozen=True)
class Place:
    """An address with a method, and the roles that it lets in by their sessions or tokens."""

    method: str
    path: str
    by_token: bool
    let_in: tuple[str, ...]


def places(world: permissions.World) -> list[Place]:
    """List every address, as its row of permissions says whom it lets in; writes three times."""
    by_token = [*permissions.TOKEN_SURFACES, *permissions.API_BY_TOKEN]
    by_session = [*permissions.PAGES, *permissions.API_BY_SESSION]
    rows = [(row, True) for row in by_token] + [(row, False) for row in by_session]
    known = [
        Place(row.method, permissions.url_of(row, world), token, _let_in(row))
        for row, token in rows
    ]
    known += [
        Place(method, reverse(name), False, ("applicant", "anonymous"))
        for name in PLAIN_PAGES
        for method in ("GET", "POST")
    ]
    known += [Place("POST", "/v1/completions", True, ("licensee",))] * 3
    return known + [place for place in known if place.method != "GET"] * 2


def _let_in(row: permissions.Row) -> tuple[str, ...]:
    let_in = [role for role, answer in row.expected().items() if answer not in KEPT_OUT]
    return tuple(let_in or permissions.ROLES)


def drawn(seed: int, world: permissions.World, known: list[Place]) -> Call:
    """Make the call of a seed: each address comes in turn, with contents of its own by chance."""
    random = Random(seed)
    place = known[seed * STRIDE % len(known)]
    role = random.choice(place.let_in if random.random() < 0.85 else permissions.ROLES)
    method = place.method if random.random() < 0.95 else random.choice(METHODS)
    url = _spoilt(random, place.path) + _query(random, place.path, often=method == "GET")
    call = Call(role, place.by_token, method, url, headers=values.headers(random))
    if method not in ("GET", "HEAD", "OPTIONS"):
        call.body, call.content_type = sent(random, world, place.path, method)
    return call


def _spoilt(random: Random, path: str) -> str:
    """Return the address, in which now and then a part is another."""
    if random.random() < 0.9:
        return path
    parts = path.split("/")
    at = random.randrange(1, len(parts))
    parts[at] = values.encoded(values.text(random)[:1500]) or "x"
    return "/".join(parts)


def _query(random: Random, path: str, *, often: bool) -> str:
    if random.random() < (0.3 if often else 0.9):
        return ""
    known = ["page", "limit"] if path.startswith("/api/v1/") else list(QUERIES)
    view_class = api_view(path)
    if view_class is not None and view_class.filter_serializer_class is not None:
        known = [*view_class.filter_serializer_class().fields, "page", "limit"]
    pairs = [(random.choice(known), values.text(random)) for _ in range(random.randrange(1, 4))]
    query = "&".join(f"{name}={values.encoded(content)}" for name, content in pairs)
    return f"?{query}"[:LARGEST_URL].rstrip("%")
