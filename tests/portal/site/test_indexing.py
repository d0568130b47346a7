"""Search engines find what is public for good, and are asked to leave out the rest."""

from __future__ import annotations

from urllib.robotparser import RobotFileParser

import pytest

from tests.factories.access import make_request
from tests.factories.accounts import make_lab, make_user
from tests.factories.catalog import make_repo

pytestmark = pytest.mark.django_db


def test_crawlers_may_ask_for_public_pages_alone(client):
    text = client.get("/robots.txt").text
    rules = set(text.splitlines())
    closed = ("accounts", "api", "gates", "grants", "invitations", "queue", "references", "v1")
    assert {f"Disallow: /{word}/" for word in closed} <= rules
    for word in ("licences", "record", "transparency", "collections"):
        assert not any(rule.startswith(f"Disallow: /{word}") for rule in rules)
    crawler = RobotFileParser()
    crawler.parse([line for line in text.splitlines() if line != "Allow: /"])
    assert crawler.can_fetch("*", "/queue-lab/model")
    assert not crawler.can_fetch("*", "/queue/7")


def test_public_pages_may_be_indexed(client):
    repo = make_repo()
    for path in ("/", f"/{repo.full_name}", "/transparency", "/record", "/robots.txt"):
        assert "X-Robots-Tag" not in client.get(path), path


@pytest.mark.parametrize("path", ["/access", "/queue", "/accounts/login/", "/nobody/none"])
def test_everything_else_may_not(client, path):
    assert client.get(path)["X-Robots-Tag"] == "noindex"


def test_nor_what_a_signed_in_person_is_shown(client):
    request = make_request(make_repo())
    client.force_login(request.applicant)
    for path in ("/", f"/requests/{request.pk}"):
        assert client.get(path)["X-Robots-Tag"] == "noindex"


def test_a_lab_may_be_named_like_a_page(client):
    lab = make_lab("requests-lab", publisher=make_user())
    assert client.get(f"/{lab.name}").status_code == 200
