"""The tour in docs/api.md: each command is called as it stands, in order."""

from __future__ import annotations

import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.access.models import AccessRequest
from portal.accounts.models import Scope
from portal.audit.models import AuditEvent
from tests.factories.access import make_request
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.portal.api.api_calls import SHORT, signature

pytestmark = pytest.mark.django_db
TOUR = (Path(__file__).parents[3] / "docs" / "api.md").read_text("utf-8")


def commands(title: str) -> list[str]:
    section = TOUR.split(f"## {title}", 1)[1].split("\n## ", 1)[0]
    return [line for line in section.splitlines() if line.startswith("curl ")]


def call(client: Client, command: str, known: dict[str, str]) -> Any:
    filled = re.sub(r"\$([A-Z0-9]+)", lambda found: known[found[1]], command)
    words = iter(shlex.split(filled)[1:])
    method, body, url, headers = "get", "", "", {}
    for word in words:
        match word:
            case "-X":
                method = next(words).lower()
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-d":
                body = next(words)
            case "-b":
                next(words)  # the client's own jar
            case _:
                url = word
    more = {} if method == "get" else {"data": body, "content_type": "application/json"}
    return getattr(client, method)(url.removeprefix("http://portal"), headers=headers, **more)


def walk(client: Client, title: str, known: dict[str, str]) -> list[Any]:
    answers = []
    for command in commands(title):
        response = call(client, command, {"BASE": "http://portal", **known})
        assert response.status_code in (200, 201), f"{command}: {response.content!r}"
        answers.append(response.json())
    return answers


def test_a_reviewers_commands():
    repo = make_repo(undo_minutes=None)
    case = make_request(repo, now=timezone.now() - timedelta(days=1))
    _, secret = make_token(make_reviewer(repo), Scope.REVIEW, now=timezone.now())
    known = {"TOKEN": secret, "REQUEST": str(case.pk), "UNTIL": SHORT}
    answers = walk(Client(), "A reviewer", known)
    assert [result["outcome"] for result in answers[-1]["results"]] == ["decided"]
    assert answers[6]["state"] == "approved"
    assert AccessRequest.objects.get(pk=case.pk).state == "in_review"


def test_an_applicants_commands():
    repo, person = make_repo(), make_user()
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    client.get("/profile")
    known = {
        "REPO": repo.full_name,
        "CSRF": client.cookies["csrftoken"].value,
        "SHA256": signature(repo, person)["text_sha256"],
        "NAME": person.display_name,
    }
    begun = call(client, commands("An applicant")[0], {"BASE": "http://portal", **known}).json()
    answers = walk(client, "An applicant", {**known, "REQUEST": str(begun["id"])})
    assert answers[5]["state"] == "in_review"


def test_anybodys_commands():
    make_request(make_repo())
    event = AuditEvent.objects.get(sequence=1)
    answers = walk(Client(), "Anybody", {"HASH": event.hash[:16]})
    assert answers[-1] == {"matches": True, "is_head": False}
