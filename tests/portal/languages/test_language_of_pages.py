"""A page is in its reader's language: of the account, else the cookie, else the browser's."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils.translation import get_language

from portal.accounts.models import User
from tests.factories.access import make_draft, make_grant, make_request
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db
GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
COOKIE = settings.LANGUAGE_COOKIE_NAME


def language_of(response) -> str:
    said = re.search(r'<html lang="([^"]*)"', response.text)
    assert said
    assert response["Content-Language"] == said[1]
    return said[1]


def client_of(person: User | None = None, **cookies: str) -> Client:
    client = Client()
    if person:
        client.force_login(person)
    for name, value in cookies.items():
        client.cookies[name] = value
    return client


def reader_of(language: str) -> User:
    person = make_user()
    person.language = language
    person.save()
    return person


class TestWhichLanguage:
    def test_what_the_browser_asks_for(self):
        assert language_of(client_of().get("/", headers=GERMAN)) == "de"
        assert language_of(client_of().get("/")) == "en"
        assert language_of(client_of().get("/", headers={"Accept-Language": "fr, *;q=0.1"})) == "en"

    def test_the_cookie_comes_before_that(self):
        assert language_of(client_of(**{COOKIE: "en"}).get("/", headers=GERMAN)) == "en"
        assert language_of(client_of(**{COOKIE: "de"}).get("/")) == "de"
        assert language_of(client_of(**{COOKIE: "../de"}).get("/")) == "en"

    def test_the_account_comes_before_both(self):
        client = client_of(reader_of("de"), **{COOKIE: "en"})
        assert language_of(client.get("/")) == "de"
        english = client_of(reader_of("en"), **{COOKIE: "de"})
        assert language_of(english.get("/", headers=GERMAN)) == "en"

    def test_an_account_without_a_choice_follows_the_browser(self):
        assert language_of(client_of(make_user()).get("/", headers=GERMAN)) == "de"

    def test_caches_are_told_what_it_depends_on(self):
        varies = client_of().get("/", headers=GERMAN)["Vary"]
        assert {"Accept-Language", "Cookie"} <= set(varies.split(", "))

    def test_nothing_of_it_is_left_for_the_next_request(self):
        client_of().get("/", headers=GERMAN)
        assert get_language() == "en"

    def test_an_installation_may_offer_english_alone(self, settings):
        settings.LANGUAGES = [("en", "English")]
        response = client_of(reader_of("de")).get("/", headers=GERMAN)
        assert language_of(response) == "en"
        assert reverse("accounts:language") not in response.text


class TestEnglish:
    """Pages of those who work the gate, and everything that programs read."""

    def test_the_pages_of_a_team(self, now):
        repo = make_repo()
        case = make_request(repo, now=now)
        reviewer = make_reviewer(repo)
        reviewer.language = "de"
        reviewer.save()
        client = client_of(reviewer)
        for page in (reverse("access:queue"), reverse("access:case", args=[case.pk])):
            response = client.get(page)
            assert language_of(response) == "en"
            assert reverse("accounts:language") not in response.text
        assert language_of(client.get("/")) == "de"

    def test_a_grant_as_its_team_reads_it(self, now):
        repo = make_repo()
        grant = make_grant(repo, now=now)
        reviewer, holder = make_reviewer(repo), grant.person
        for person, language in ((reviewer, "en"), (holder, "de")):
            person.language = "de"
            person.save()
            page = client_of(person).get(reverse("access:grant", args=[grant.pk]))
            assert language_of(page) == language

    def test_apis(self):
        client = client_of(reader_of("de"))
        for address in ("/api/v1/models/no/such", "/v1/models/no/such", "/api/models/no/such"):
            response = client.get(address, headers=GERMAN)
            assert response.status_code in (401, 404)
            assert "Content-Language" not in response
            assert get_language() == "en"


class TestChoosing:
    def test_is_kept_for_the_account_and_in_the_browser(self):
        person = make_user()
        client = client_of(person)
        answer = client.post(reverse("accounts:language"), {"language": "de", "next": "/planner"})
        assert (answer.status_code, answer["Location"]) == (302, "/planner")
        person.refresh_from_db()
        assert person.language == "de"
        signed_out = client_of(**{COOKIE: client.cookies[COOKIE].value})
        assert language_of(signed_out.get("/")) == "de"

    def test_anybody_may(self):
        client = client_of()
        assert reverse("accounts:language") in client.get("/").text
        client.post(reverse("accounts:language"), {"language": "de", "next": "//elsewhere.example"})
        assert language_of(client.get("/")) == "de"

    def test_leads_nowhere_else(self):
        told = client_of().post(
            reverse("accounts:language"), {"language": "de", "next": "//elsewhere.example"}
        )
        assert told["Location"] == "/"

    def test_a_language_that_there_is_not_changes_nothing(self):
        person = make_user()
        client = client_of(person)
        client.post(reverse("accounts:language"), {"language": "xx"})
        person.refresh_from_db()
        assert person.language == ""
        assert COOKIE not in client.cookies

    def test_signing_up_keeps_the_language_of_the_page(self, client):
        values = {
            "name": "Ada Newcomer",
            "email": "newcomer@university.example",
            "username": "ada",
            "password1": PASSWORD,
        }
        client.post("/accounts/signup/", values, headers=GERMAN)
        assert User.objects.get(username="ada").language == "de"


def test_countries_are_named_and_ordered_in_the_readers_language():
    reader = reader_of("de")
    draft = make_draft(make_repo(), reader)
    page = client_of(reader).get(f"/requests/{draft.pk}/form/organization").text
    assert page.index("Deutschland") < page.index("Österreich") < page.index("Zypern")
    reader.language = "en"
    reader.save()
    page = client_of(reader).get(f"/requests/{draft.pk}/form/organization").text
    assert page.index("Austria") < page.index("Cyprus") < page.index("Germany")
