"""The summary of errors goes down the page, and counts answers rather than faults."""

from __future__ import annotations

import re
import secrets

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo
from tests.factories.grants import make_accepted, make_administrator
from tests.networks import browser_elsewhere

pytestmark = pytest.mark.django_db
SUMMARY = re.compile(r'<div class="summary-error".*?</div>', re.DOTALL)


def in_the_summary(page):
    summary = SUMMARY.search(page)
    assert summary is not None
    return re.findall(r'href="#([^"]+)"', summary[0])


def in_the_page(page):
    return re.findall(r'\bid="([^"]+)"', SUMMARY.sub("", page))


def sign(client):
    repo = make_repo(gate="licence")
    client.force_login(make_user())
    return reverse("access:sign", args=[repo.namespace.name, repo.name])


def renew(client):
    grant = make_accepted(now=timezone.now(), days=20)
    client.force_login(grant.person)
    return reverse("access:renew", args=[grant.pk])


def decline(client):
    case = make_request(make_repo())
    client.force_login(make_administrator(case.repo))
    return reverse("access:decline", args=[case.pk])


def approve(client):
    return decline(client).replace("decline", "approve")


def ask_a_reference(client):
    client.force_login(make_user())
    return reverse("accounts:affiliations")


def place_a_hold(client):
    client.force_login(make_administrator(make_repo()))
    return reverse("access:hold_place")


def sign_up(client):
    return reverse("account_signup")


@pytest.mark.parametrize(
    "form", [sign, renew, decline, approve, ask_a_reference, place_a_hold, sign_up]
)
def test_errors_follow_the_page(client, form):
    address = form(client)
    shown = re.search(r'name="(text_sha256)" value="([^"]+)"', client.get(address).content.decode())
    page = client.post(address, dict([shown.groups()]) if shown else {}).content.decode()
    named = in_the_summary(page)
    assert named
    places = [in_the_page(page).index(target) for target in named]
    assert places == sorted(places), named


def test_two_faults_of_one_answer_are_one():
    answers = {
        "name": "Ada Newcomer",
        "email": f"{secrets.token_hex(4)}@university.example",
        "username": "ada",
        "password1": "1234567",
    }
    page = browser_elsewhere().post(reverse("account_signup"), answers).content.decode()
    assert "One answer needs your attention" in page
    for said in ("Use 8 characters or more", "this one is among the first", "digits alone"):
        assert page.count(said) == 2, "in the summary, and beside the field"
    assert "This password" not in page
