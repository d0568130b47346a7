"""The theme follows the system until a person chooses."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from portal.site.context import chosen_theme
from portal.site.views.theme import choose_theme


def post(**data: str) -> HttpResponse:
    return choose_theme(RequestFactory().post("/theme", data))


def test_the_choice_is_kept_and_one_stays_on_the_page() -> None:
    response = post(theme="dark", next="/requests?page=2")
    assert response.cookies["theme"].value == "dark"
    assert response["Location"] == "/requests?page=2"


def test_the_system_is_followed_again() -> None:
    assert post(theme="", next="/").cookies["theme"]["max-age"] == 0


@pytest.mark.parametrize("next_", ["https://evil.example/", "//evil.example/", ""])
def test_it_never_leads_elsewhere(next_: str) -> None:
    assert post(theme="light", next=next_)["Location"] == "/"


def test_an_unknown_cookie_follows_the_system() -> None:
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = '"><script>'
    assert chosen_theme(request) == ""
