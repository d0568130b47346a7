"""Once it is proved who holds an account, all that is older ends, whoever made it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.test import Client
from django.urls import reverse

from portal.accounts.errors import AddressNeeded, UnknownToken
from portal.accounts.models import AccessToken, User
from portal.accounts.services import issue_token, token_from_secret
from portal.accounts.services.holding import account_of, reset_password
from portal.accounts.tokens.secrets import new_secret, secret_hash
from portal.audit.models import AuditEvent
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import PASSWORD, make_token, make_user
from tests.factories.affiliations import give_address, make_organization
from tests.networks import browser_elsewhere

pytestmark = pytest.mark.django_db
NEW_PASSWORD = "another correct horse battery"


def letters(address: str) -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(address=address).order_by("pk"))


def link_in(letter: OutboxMessage) -> str:
    link = re.search(r"http://[^/\s]+(/\S+)", letter.text)
    assert link is not None
    return link[1]


def reset_by_mail(address: str) -> Client:
    """Ask for a new password, and follow the letter in a browser of one's own."""
    browser = browser_elsewhere()
    browser.post(reverse("account_reset_password"), {"email": address})
    letter = OutboxMessage.objects.filter(address=address, kind="password_reset_key").last()
    assert letter is not None, "no letter went out"
    page = browser.get(link_in(letter), follow=True).redirect_chain[-1][0]
    values = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert browser.post(page, values).status_code == 302
    return browser


def old_token(owner: User, now) -> str:
    """Make a token as they were made when nobody asked for a proof."""
    secret = new_secret()
    AccessToken.objects.create(
        user=owner,
        name="old",
        hint=secret[:7],
        secret_hash=secret_hash(secret),
        scopes=["download"],
        created_at=now,
        expires_at=now + timedelta(days=365),
    )
    return secret


def signed_in_as(person: User) -> Client:
    browser = Client()
    browser.force_login(person)
    return browser


def is_signed_in(browser: Client) -> bool:
    return browser.get(reverse("accounts:profile")).status_code == 200


class TestBeforeTheProof:
    def test_no_token_is_made(self, now):
        person = make_user(verified=False)
        with pytest.raises(AddressNeeded) as refused:
            issue_token(owner=person, name="x", scopes=["download"], days=1, now=now)
        assert "Confirm your address first" in refused.value.message
        assert refused.value.help_url == reverse("account_email")
        assert not AccessToken.objects.exists()

    def test_the_page_says_what_to_do(self, client):
        client.force_login(make_user(verified=False))
        text = client.get(reverse("accounts:tokens")).text
        assert "Confirm your address first" in text
        assert "Make the token</button>" not in text
        values = {"name": "x", "scopes": ["download"], "days": "30"}
        refused = client.post(reverse("accounts:tokens"), values)
        assert refused.status_code == 403
        assert f'href="{reverse("account_email")}"' in refused.text

    def test_an_old_token_opens_nothing(self, now, client):
        secret = old_token(make_user(verified=False), now)
        with pytest.raises(UnknownToken):
            token_from_secret(secret, now=now)
        bearer = {"Authorization": f"Bearer {secret}"}
        assert client.get("/api/whoami-v2", headers=bearer).status_code == 401

    def test_no_second_address_is_added(self):
        person = make_user(verified=False)
        values = {"email": "second@evil.example", "action_add": ""}
        text = signed_in_as(person).post(reverse("account_email"), values).text
        assert f"Confirm {person.email} first" in text
        assert EmailAddress.objects.get(user=person).email == person.email

    def test_a_mistyped_one_gives_way_to_the_right_one(self):
        person = make_user(verified=False)
        browser = signed_in_as(person)
        page = reverse("account_email")
        browser.post(page, {"email": person.email, "action_remove": ""})
        browser.post(page, {"email": "right@university.example", "action_add": ""})
        assert EmailAddress.objects.get(user=person).email == "right@university.example"


class TestConfirming:
    def test_it_takes_the_account_too(self, client):
        """A stranger’s account isn’t given the address of whoever follows its link."""
        make_organization("university.example")
        person = make_user(verified=False)
        link = reverse(
            "account_confirm_email",
            args=[EmailConfirmationHMAC(EmailAddress.objects.get(user=person)).key],
        )
        for method in (client.get, client.post):
            assert method(link).url.startswith(reverse("account_login"))
        client.force_login(make_user())
        assert client.post(link).status_code == 403
        assert not User.objects.get(pk=person.pk).has_verified_email
        client.logout()
        values = {"login": person.username, "password": PASSWORD}
        client.post(f"{reverse('account_login')}?next={link}", values)
        client.post(link)
        assert User.objects.get(pk=person.pk).has_verified_email

    def test_the_first_ends_what_is_older_and_keeps_this_session(self, now):
        person = make_user(verified=False)
        secret = old_token(person, now)
        stranger, owner = signed_in_as(person), signed_in_as(person)
        give_address(person, "stranger@evil.example", verified=False)
        address = EmailAddress.objects.get(email=person.email)
        owner.post(reverse("account_confirm_email", args=[EmailConfirmationHMAC(address).key]))
        assert is_signed_in(owner)
        assert not is_signed_in(stranger)
        with pytest.raises(UnknownToken):
            token_from_secret(secret, now=now)
        assert list(EmailAddress.objects.filter(user=person)) == [address]
        assert AuditEvent.objects.filter(type="token.revoked").count() == 1

    def test_a_later_one_ends_nothing(self, now):
        person = make_user()
        _, secret = make_token(person, now=now)
        other, owner = signed_in_as(person), signed_in_as(person)
        address = give_address(person, "second@lab.example", verified=False)
        owner.post(reverse("account_confirm_email", args=[EmailConfirmationHMAC(address).key]))
        assert EmailAddress.objects.get(pk=address.pk).verified
        assert is_signed_in(other)
        assert token_from_secret(secret, now=now).user == person

    def test_a_proved_address_is_claimed_by_nobody_else(self):
        claimant, owner = make_user(), make_user(verified=False)
        give_address(claimant, owner.email, verified=False)
        address = EmailAddress.objects.get(user=owner)
        address.verified = True
        address.save()
        assert EmailAddress.objects.get(email=owner.email) == address

    def test_where_it_is_the_only_one_left_it_becomes_the_main_one(self):
        person = make_user(verified=False)
        give_address(person, "second@lab.example", verified=True)
        (left,) = EmailAddress.objects.filter(user=person)
        person.refresh_from_db()
        assert (left.email, left.primary, person.email) == (
            "second@lab.example",
            True,
            "second@lab.example",
        )


class TestResetting:
    def test_a_victim_gets_the_account_whole(self, now):
        """Somebody signed up with another’s address, and waits with what they made."""
        person = make_user(verified=False)
        secret, stranger = old_token(person, now), signed_in_as(person)
        give_address(person, "stranger@evil.example", verified=False)
        reset_by_mail(person.email)
        person.refresh_from_db()
        assert person.has_verified_email
        assert person.check_password(NEW_PASSWORD)
        assert EmailAddress.objects.get(user=person).email == person.email
        assert not is_signed_in(stranger)
        with pytest.raises(UnknownToken):
            token_from_secret(secret, now=now)
        with pytest.raises(AssertionError):
            reset_by_mail("stranger@evil.example")

    def test_it_revokes_tokens_of_a_proved_account_too(self, now):
        person = make_user()
        _, secret = make_token(person, now=now)
        give_address(person, "unproved@evil.example", verified=False)
        reset_password(person=person, password=NEW_PASSWORD, now=now)
        with pytest.raises(UnknownToken):
            token_from_secret(secret, now=now)
        assert EmailAddress.objects.get(user=person).email == person.email
        event = AuditEvent.objects.get(type="account.password_reset")
        assert event.data == {}

    def test_an_unproved_second_address_gets_no_letter(self):
        person = make_user()
        give_address(person, "mistyped@stranger.example", verified=False)
        with pytest.raises(AssertionError):
            reset_by_mail("mistyped@stranger.example")
        assert letters("mistyped@stranger.example")[0].kind == "unknown_account"

    def test_a_proved_second_address_does(self):
        person = make_user()
        give_address(person, "second@lab.example")
        reset_by_mail("second@lab.example")
        person.refresh_from_db()
        assert person.check_password(NEW_PASSWORD)


class TestWhoseItIs:
    def test_the_proof_goes_before_the_claim(self):
        claimant, owner = make_user(verified=False), make_user()
        EmailAddress.objects.filter(user=owner).update(email=claimant.email)
        assert account_of(claimant.email.upper()) == owner

    def test_a_claim_counts_while_nothing_is_proved(self):
        claimant = make_user(verified=False)
        assert account_of(claimant.email) == claimant
        assert account_of("nobody@university.example") is None


class TestNotices:
    def test_a_new_token_is_told(self, now):
        person = make_user()
        issue_token(owner=person, name="cluster", scopes=["download"], days=1, now=now)
        (letter,) = letters(person.email)
        assert letter.subject == "A token was made for your account"
        assert "“cluster”" in letter.text

    def test_a_new_and_a_removed_address_are_told(self):
        person = make_user()
        browser, page = signed_in_as(person), reverse("account_email")
        browser.post(page, {"email": "second@lab.example", "action_add": ""})
        browser.post(page, {"email": "second@lab.example", "action_remove": ""})
        recipients = [
            (letter.kind, "second@lab.example" in letter.text) for letter in letters(person.email)
        ]
        assert recipients == [("address_added", True), ("email_deleted", True)]

    def test_a_new_password_is_told_where_it_is_proved(self):
        person = make_user()
        browser = signed_in_as(person)
        values = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
        browser.post(reverse("account_change_password"), values)
        assert [letter.kind for letter in letters(person.email)] == ["password_changed"]
        event = AuditEvent.objects.get(type="account.password_changed")
        assert (event.actor, event.target_id) == (person, str(person.pk))
        reset_by_mail(person.email)
        assert letters(person.email)[-1].kind == "password_reset"

    def test_a_notice_carries_no_lure_of_whoever_sent_the_request(self):
        person = make_user()
        browser = signed_in_as(person)
        values = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
        lure = {"User-Agent": "Undo it at https://evil.example"}
        browser.post(reverse("account_change_password"), values, headers=lure)
        (notice,) = letters(person.email)
        assert "evil.example" not in notice.text
        assert "Unspecified" in notice.text

    def test_an_unproved_address_is_told_nothing(self):
        person = make_user(verified=False)
        values = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
        signed_in_as(person).post(reverse("account_change_password"), values)
        assert not OutboxMessage.objects.exists()

    def test_the_last_proved_address_stays(self):
        person = make_user()
        browser = signed_in_as(person)
        browser.post(reverse("account_email"), {"email": person.email, "action_remove": ""})
        assert EmailAddress.objects.get(user=person).verified
