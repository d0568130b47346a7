"""A German page is German to its figures, quotation marks and the words of commands."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.accounts.services import issue_token
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_accepted

TEMPLATES = Path(settings.BASE_DIR) / "templates"
TRANSLATED = re.compile(
    r"{%\s*blocktranslate.*?{%\s*endblocktranslate\s*%}|{#.*?#}|_\(\"[^\"]*\"\)"
    r"|{%\s*translate\s+\"[^\"]*\"",
    re.DOTALL,
)
# A number with the signs that English has: 6,144 or 300 B; in German 6.144 and 300 Mrd.
ENGLISH_FIGURE = re.compile(r"\b[1-9]\d{0,2},\d{3}\b|\b\d\.\d+ ×|\b\d+[\s\u00a0][BMkT]\b")


def german(person: User) -> Client:
    person.language = "de"
    person.save()
    client = Client()
    client.force_login(person)
    return client


def words_of(page: str) -> str:
    return " ".join(re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL).split())


def test_quotation_marks_stand_in_what_is_translated() -> None:
    wrong = {}
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text("utf-8")
        if "blocktranslate" in text and (left := re.findall("[“”]", TRANSLATED.sub("", text))):
            wrong[str(path.relative_to(TEMPLATES))] = left
    assert wrong == {}


def test_a_translated_sentence_lowers_no_word() -> None:
    """German nouns have capitals."""
    lowered = re.compile(r"{% blocktranslate[^%]*\|lower")
    wrong = [str(path) for path in TEMPLATES.rglob("*.html") if lowered.search(path.read_text())]
    assert wrong == []


@pytest.mark.django_db
def test_figures_of_the_planner(client: Client) -> None:
    page = words_of(client.get("/planner", headers={"Accept-Language": "de"}).text)
    assert "6.144 TPU v4" in page
    assert "Stand 9. Nov. 2026" in page
    assert ENGLISH_FIGURE.findall(page) == []


@pytest.mark.django_db
def test_what_outlasts_a_grant_is_quoted_from_its_licence(now) -> None:
    grant = make_accepted(now=now - timedelta(days=30), days=20)
    page = german(grant.person).get(reverse("access:grant", args=[grant.pk])).text
    duties = page.split("Was Sie weiterhin bindet")[1]
    assert "Sie müssen</h3>" in duties
    assert re.search(r'<ul lang="en">\s*<li>Keep the licence with every copy</li>', duties)


@pytest.mark.django_db
def test_a_text_by_others_is_not_read_as_german() -> None:
    repo = make_repo(summary="A small model.")
    page = german(make_user()).get(f"/{repo.full_name}").text
    assert '<p class="lead" lang="">A small model.</p>' in page


@pytest.mark.django_db
def test_scopes_have_one_name(now) -> None:
    owner = make_user()
    issue_token(owner=owner, name="Rechner", scopes=["download", "infer"], days=30, now=now)
    page = german(owner).get("/tokens").text
    assert page.count("Herunterladen (download)") == 3  # the form, the row, and the row folded
    assert "download, infer" not in page


@pytest.mark.django_db
def test_notifications_are_for_who_is_on_a_team() -> None:
    address = reverse("access:notifications")
    assert address not in german(make_user()).get("/profile").text
    assert address in german(make_reviewer(make_repo())).get("/profile").text
