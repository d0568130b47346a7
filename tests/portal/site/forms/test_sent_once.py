"""A form that is sent twice does its work once."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from portal.access.models import Note
from portal.accounts.models import AccessToken
from tests.factories.access import make_request
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def case():
    return make_request(make_repo())


@pytest.fixture
def page(case):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_reviewer(case.repo))
    return browser


def drawn(page, path: str) -> dict[str, str]:
    """Return the hidden half of a form as the page was drawn just now."""
    token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page.get(path).text)[1]
    return {"csrfmiddlewaretoken": token}


def test_a_double_click_makes_one_and_is_answered_alike(page, case):
    form = drawn(page, f"/queue/{case.pk}") | {"note": "They called."}
    answers = [page.post(f"/queue/{case.pk}/note", form).url for _ in range(2)]
    assert answers == [f"/queue/{case.pk}"] * 2
    assert Note.objects.count() == 1


def test_the_same_words_on_a_page_drawn_anew_are_meant(page, case):
    for _ in range(2):
        form = drawn(page, f"/queue/{case.pk}") | {"note": "They called."}
        page.post(f"/queue/{case.pk}/note", form)
    assert Note.objects.count() == 2


def test_other_words_on_the_same_page_are_meant(page, case):
    form = drawn(page, f"/queue/{case.pk}")
    for words in ("They called.", "They wrote."):
        page.post(f"/queue/{case.pk}/note", form | {"note": words})
    assert Note.objects.count() == 2


def test_an_error_may_be_sent_again(page):
    form = drawn(page, "/tokens") | {"name": "", "scopes": "download", "days": "90"}
    assert [page.post("/tokens", form).status_code for _ in range(2)] == [422, 422]


def test_one_token_comes_of_two_clicks(page):
    form = drawn(page, "/tokens") | {"name": "laptop", "scopes": "download", "days": "90"}
    for _ in range(2):
        page.post("/tokens", form)
    assert AccessToken.objects.count() == 1


def test_without_the_cache_every_sending_counts(page, case, settings):
    settings.CACHES = {
        "default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:9/0"}
    }
    form = drawn(page, f"/queue/{case.pk}") | {"note": "They called."}
    assert page.post(f"/queue/{case.pk}/note", form).status_code == 302
    assert Note.objects.count() == 1
