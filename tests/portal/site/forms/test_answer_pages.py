"""One can go back to the answer to a form: by GET, as the same person, in that browser."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from django.test import Client

from tests.factories.accounts import PASSWORD, make_lab, make_user

pytestmark = pytest.mark.django_db
BROWSER = {"Sec-Fetch-Mode": "navigate", "Origin": "http://testserver"}


@pytest.fixture
def publisher():
    return make_user()


@pytest.fixture
def page(publisher):
    browser = Client(enforce_csrf_checks=True, headers=BROWSER)
    browser.force_login(publisher)
    return browser


@pytest.fixture
def editor(publisher):
    return f"/labs/{make_lab(publisher=publisher).name}/licences/new"


def send(page: Client, address: str, **fields: str):
    token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page.get(address).text)
    assert token is not None
    return page.post(address, {"csrfmiddlewaretoken": token[1], **fields})


WORDS = {
    "name": "Weights Licence",
    "slug": "weights",
    "version": "1.0",
    "text": "You may study it.",
    "attribution": "Licensed under it.",
    "rows": "0",
    "act": "preview",
}


def test_each_preview_has_an_address_that_shows_it_again(page, editor):
    first = send(page, editor, **WORDS)
    second = send(page, first.url, **WORDS | {"name": "Other Licence"})
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.url != second.url
    for address, name in ((first.url, "Weights Licence"), (second.url, "Other Licence")):
        again = page.get(address)
        assert again.status_code == 200
        assert f'value="{name}"' in again.text
        assert "What publishing does" in again.text


def test_a_form_with_errors_is_led_to_as_well(page, editor):
    answer = send(page, f"{editor}?of=a", **WORDS | {"text": ""})
    assert urlsplit(answer.url).query.startswith("of=a&")
    again = page.get(answer.url)
    assert again.status_code == 422
    assert "Error:" in again.text
    assert 'value="Weights Licence"' in again.text


def test_nobody_else_and_no_other_browser_is_shown_it(page, publisher, editor):
    answer = send(page, editor, **WORDS)
    other = Client()
    other.force_login(publisher)
    assert "Weights Licence" not in other.get(answer.url).text
    page.logout()
    assert "Weights Licence" not in page.get(answer.url, follow=True).text


def test_what_is_no_longer_kept_shows_its_form(page, editor):
    shown = page.get(f"{editor}?answer=3.made-up")
    assert shown.status_code == 200
    assert "New licence" in shown.text


def test_who_mistypes_a_password_can_go_back_too(publisher):
    browser = Client(enforce_csrf_checks=True, headers=BROWSER)
    answer = send(browser, "/accounts/login/", login=publisher.username, password="wrong")
    assert answer.status_code == 303
    assert publisher.username in browser.get(answer.url).text
    taken = send(browser, answer.url, login=publisher.username, password=PASSWORD)
    assert taken.status_code == 302
    assert "answer=" not in taken.url


def test_a_program_is_answered_in_place(publisher, editor):
    program = Client()
    program.force_login(publisher)
    assert program.post(editor, WORDS).status_code == 200
