"""Every page is reached by links from the home of whoever may see it."""

from __future__ import annotations

import re
from collections import Counter, deque
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import Resolver404, resolve

from tests.architecture.permissions.test_permissions import PAGES, ROLES, World, make_world
from tests.browser.every_page.visits import names_of_pages

pytestmark = pytest.mark.django_db
LINK = re.compile(r'<a\b[^>]*\bhref="([^"]+)"')
EACH_PAGE = 8  # addresses of one page that are followed: of many cases, a few
# What stands behind something other than a link, and what it is.
BEHIND = {
    "access:bulk": "selecting cases in the queue",
    "access:dispose": "a hit of the screening",
    "access:members": "a grant of an organization",
    "account_logout": "the button of the account’s menu",
    "account_reset_password": "the page on which one signs in",
    "accounts:reference": "the link of a letter",
    "accounts:reference_address": "a letter that came back",
    "site:demo_mail": "a demo",
    "site:history_of": "an address that is written by hand: the page is linked without a revision",
    "site:lab_collection_add": "a choice on the collection’s page",
    "site:lab_role": "the right to change it, which not all have who may read it",
    "site:licence_changes": "a second version of a licence",
    "site:model_token": "an access that one has",
}
# What is open to others too: for some it is empty, and operators have every model as their own.
ASKERS = [role for role in ROLES if role != "operator"]
ON_NO_TEAM = ("researcher", "applicant", "licensee")
ONLY_FOR = {
    "access:checks": ["operator"],
    "access:notifications": [role for role in ROLES if role not in ON_NO_TEAM],
    "site:labs": ["administrator", "publisher", "operator"],
    "access:sign": ASKERS,
    "access:start": ASKERS,
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    settings.DEMO = False
    with transaction.atomic():
        return make_world(tmp_path)


def walk(client: Client) -> set[str]:
    """Follow all links from the home, and return the names of the pages that they lead to."""
    waiting, known = deque(["/"]), {"/"}
    visited: Counter[str] = Counter()
    while waiting:
        path = waiting.popleft()
        try:
            name = resolve(urlsplit(path).path).view_name
        except Resolver404:
            continue
        if visited[name] >= EACH_PAGE or name.startswith(("api:", "hub:", "delivery:")):
            continue
        response = client.get(path, follow=True)
        if response.status_code != 200 or "text/html" not in response.get("Content-Type", ""):
            continue
        visited[response.resolver_match.view_name if response.resolver_match else name] += 1
        for link in LINK.findall(response.text):
            address = link.replace("&amp;", "&").split("#")[0]
            if address.startswith("/") and not address.startswith("//") and address not in known:
                known.add(address)
                waiting.append(address)
    return set(visited)


@pytest.mark.parametrize("role", ROLES)
def test_each_page_is_reached_from_the_home(world: World, client: Client, role: str) -> None:
    if role in world.people:
        client.force_login(world.people[role])
    may_see = {row.name for row in PAGES if row.method == "GET" and row.expected()[role] == 200}
    empty = {name for name, roles in ONLY_FOR.items() if role not in roles}
    unreached = (may_see & names_of_pages()) - walk(client) - set(BEHIND) - empty
    assert not unreached, "\n".join(sorted(unreached))
