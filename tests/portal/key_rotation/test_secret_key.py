"""The secret key rotates under people who are signed in, and tokens and links that hold."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.access.people.invitations import invite_to_lab
from portal.accounts.models import AccessToken
from portal.accounts.tokens.authentication import Caller
from portal.delivery.services import mint_link
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import PASSWORD, make_lab, make_token, make_user
from tests.networks import browser_elsewhere
from tests.portal.world import bearer, make_world

pytestmark = pytest.mark.django_db


def signed_in(person):
    browser = browser_elsewhere()
    values = {"login": person.username, "password": PASSWORD}
    assert browser.post(reverse("account_login"), values).status_code == 302
    return browser


def is_signed_in(browser) -> bool:
    return browser.get(reverse("account_email")).status_code == 200


def link_in(kind: str) -> str:
    text = OutboxMessage.objects.filter(kind=kind).latest("pk").text
    link = re.search(r"http://[^/\s]+(/\S+)", text)
    assert link is not None
    return link[1]


def test_processes_of_two_generations_serve_one_session(installation):
    """A browser meets old and new processes by turns, throughout each rolling restart."""
    browser = signed_in(make_user())
    cookie = browser.cookies["sessionid"].value
    generations = [installation.start()]
    for step in ("introduce", "switch"):
        installation.rotate(step)
        generations.append(installation.start())
        for process in (*generations[-2:], *generations[-2:]):
            installation.serve_by(process)
            assert is_signed_in(browser)
    # Several requests at once send the same cookie: none of them may change it under the others.
    assert browser.cookies["sessionid"].value == cookie


def test_a_session_ends_with_the_key_that_signed_it(installation):
    browser = signed_in(make_user())
    for step in (("introduce",), ("switch",), ("drop", "--early")):
        installation.rotate(*step)
    installation.serve_by(installation.start())
    assert not is_signed_in(browser)
    assert is_signed_in(signed_in(make_user("another")))


def test_a_key_that_not_all_know_would_sign_out(installation):
    """This is why there are two steps before the key signs."""
    before = installation.start()
    installation.rotate("introduce")
    installation.rotate("switch")
    installation.serve_by(installation.start())
    browser = signed_in(make_user())
    installation.serve_by(before)
    assert not is_signed_in(browser)


def test_tokens_outlive_the_key_used_or_not(installation, client):
    (_, used), (_, unused) = (make_token(make_user(), now=timezone.now()) for _ in range(2))
    for step in ("introduce", "switch"):
        installation.rotate(step)
        installation.serve_by(installation.start())
        assert client.get("/api/whoami-v2", headers=bearer(used)).status_code == 200
    installation.rotate("drop", "--early")
    installation.serve_by(installation.start())
    for secret in (used, unused):
        assert client.get("/api/whoami-v2", headers=bearer(secret)).status_code == 200


def test_a_token_moves_to_a_new_pepper_at_its_use(settings, client):
    """So it is where nobody ran the command: the variables were changed by hand."""
    token, secret = make_token(make_user(), now=timezone.now())
    settings.TOKEN_PEPPER_FALLBACKS = [settings.TOKEN_PEPPER]
    settings.TOKEN_PEPPER = "n" * 50
    assert client.get("/api/whoami-v2", headers=bearer(secret)).status_code == 200
    assert AccessToken.objects.get(pk=token.pk).secret_hash != token.secret_hash
    settings.TOKEN_PEPPER_FALLBACKS = []
    assert client.get("/api/whoami-v2", headers=bearer(secret)).status_code == 200


def test_a_download_link_dies_at_its_own_time(installation, client, settings, tmp_path):
    world = make_world(tmp_path / "in")
    caller = Caller(world.researcher, world.token)

    def mint(age: timedelta = timedelta()) -> str:
        return mint_link(caller=caller, file=world.file(), now=timezone.now() - age)

    good, old = mint(), mint(settings.LINK_TTL + timedelta(seconds=1))
    for step in ("introduce", "switch"):
        installation.rotate(step)
        installation.serve_by(installation.start())
        part = client.get(good, headers={"Range": "bytes=0-9"})
        assert part.status_code == 206
        assert b"".join(part) == world.bytes_of()[:10]
        assert "expired" in client.get(old)["X-Error-Message"]
    installation.rotate("drop", "--early")
    installation.serve_by(installation.start())
    assert "altered" in client.get(good)["X-Error-Message"]


def test_letters_that_are_under_way_still_lead_on(installation, settings):
    publisher = make_user()
    invite_to_lab(
        actor=publisher,
        namespace_id=make_lab(publisher=publisher).pk,
        person="colleague@institute.example",
        role="publisher",
        now=timezone.now(),
    )
    anybody = browser_elsewhere()
    anybody.post(reverse("account_reset_password"), {"email": publisher.email})
    newcomer = make_user(verified=False)
    own = signed_in(newcomer)
    own.post(reverse("account_email"), {"email": newcomer.email, "action_send": ""})
    reset, invitation, confirm = map(
        link_in, ("password_reset_key", "role_invitation", "email_confirmation")
    )
    for step in ("introduce", "switch"):
        installation.rotate(step)
        installation.serve_by(installation.start())
        assert anybody.get(invitation).status_code == 200
        assert newcomer.email in own.get(confirm).text
        browser = browser_elsewhere()
        page = browser.get(reset, follow=True).redirect_chain[-1][0]
        assert 'name="password1"' in browser.get(page).text
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert 'name="password1"' not in browser_elsewhere().get(reset, follow=True).text


def test_a_stolen_key_ends_what_it_signed_at_once_and_no_token(installation, client):
    person = make_user()
    browser = signed_in(person)
    _, secret = make_token(person, now=timezone.now())
    assert "Everybody signs in again" in installation.rotate("replace")
    installation.serve_by(installation.start())
    assert not is_signed_in(browser)
    assert client.get("/api/whoami-v2", headers=bearer(secret)).status_code == 200
