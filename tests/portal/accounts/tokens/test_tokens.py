"""Tokens: shown once, kept as a hash, checked offline, dead when they should be."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.errors import NoSuchToken, TooManyTokens, UnknownToken
from portal.accounts.models import AccessToken
from portal.accounts.services import issue_token, revoke_token, token_from_secret, tokens
from portal.accounts.tokens.secrets import is_well_formed, new_secret
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from tests.factories.accounts import make_token, make_user


def test_a_secret_has_the_form_that_scanners_know():
    secret = new_secret()
    assert secret.startswith("wg_")
    assert len(secret) == 39
    assert is_well_formed(secret)


@given(st.integers(3, 38), st.sampled_from("0aZ"))
def test_one_wrong_digit_is_noticed_without_looking_up(position, digit):
    secret = new_secret()
    mistyped = secret[:position] + digit + secret[position + 1 :]
    assert is_well_formed(mistyped) == (mistyped == secret)


@pytest.mark.django_db
class TestIssuing:
    def test_the_secret_is_not_kept(self, now):
        token, secret = make_token(make_user(), now=now)
        stored = " ".join(str(value) for value in AccessToken.objects.values().get().values())
        assert secret not in stored
        assert secret[8:] not in stored
        assert token_from_secret(secret, now=now) == token

    def test_an_account_has_so_many_live_ones(self, now, monkeypatch):
        monkeypatch.setattr(tokens, "MAX_LIVE_TOKENS", 2)
        owner = make_user()
        make_token(owner, now=now, days=1)
        second, _ = make_token(owner, now=now)
        with pytest.raises(TooManyTokens, match="Revoke those that you no longer use"):
            make_token(owner, now=now)
        assert make_token(owner, now=now + timedelta(days=2))  # the first has run out
        revoke_token(owner=owner, token_id=second.pk, now=now + timedelta(days=2))
        assert make_token(owner, now=now + timedelta(days=2))
        assert make_token(make_user(), now=now)

    def test_it_is_recorded_without_the_secret(self, now):
        _, secret = make_token(make_user(), "download", now=now)
        event = AuditEvent.objects.get(type="token.issued")
        assert event.data["scopes"] == ["download"]
        assert secret not in str(event.data)

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"name": " "}, "name"),
            ({"scopes": []}, "scopes"),
            ({"scopes": ["everything"]}, "scopes"),
            ({"scopes": ["publish"]}, "scopes"),
            ({"days": 366}, "days"),
            ({"days": 0}, "days"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_is_made(self, now, changed, field):
        wish = {"name": "laptop", "scopes": ["download"], "days": 30, **changed}
        with pytest.raises(FieldErrors) as refused:
            issue_token(owner=make_user(), now=now, **wish)
        assert list(refused.value.errors) == [field]
        assert not AccessToken.objects.exists()


@pytest.mark.django_db
class TestUsing:
    @pytest.mark.parametrize("secret", ["", "wg_", "hf_abc", "wg_" + "0" * 36])
    def test_what_is_no_token_is_unknown(self, now, secret):
        with pytest.raises(UnknownToken):
            token_from_secret(secret, now=now)

    def test_it_dies_on_its_day(self, now):
        _, secret = make_token(make_user(), now=now, days=1)
        token_from_secret(secret, now=now + timedelta(hours=23))
        with pytest.raises(UnknownToken):
            token_from_secret(secret, now=now + timedelta(days=1))

    def test_it_dies_with_its_account(self, now):
        owner = make_user()
        _, secret = make_token(owner, now=now)
        owner.is_active = False
        owner.save()
        with pytest.raises(UnknownToken):
            token_from_secret(secret, now=now)

    def test_a_new_pepper_ends_every_token(self, now, settings):
        _, secret = make_token(make_user(), now=now)
        settings.TOKEN_PEPPER, settings.TOKEN_PEPPER_FALLBACKS = "another", []
        with pytest.raises(UnknownToken):
            token_from_secret(secret, now=now)

    def test_its_last_use_is_kept_to_the_minute(self, now, django_assert_num_queries):
        token, secret = make_token(make_user(), now=now)
        token_from_secret(secret, now=now)
        token.refresh_from_db()
        assert token.last_used_at == now
        with django_assert_num_queries(1):
            token_from_secret(secret, now=now + timedelta(seconds=30))


@pytest.mark.django_db
class TestRevoking:
    def test_it_ends_at_once_and_is_recorded(self, now):
        owner = make_user()
        token, secret = make_token(owner, now=now)
        revoke_token(owner=owner, token_id=token.pk, now=now)
        with pytest.raises(UnknownToken):
            token_from_secret(secret, now=now)
        assert AuditEvent.objects.filter(type="token.revoked").count() == 1

    def test_again_changes_nothing(self, now):
        owner = make_user()
        token, _ = make_token(owner, now=now)
        revoke_token(owner=owner, token_id=token.pk, now=now)
        again = revoke_token(owner=owner, token_id=token.pk, now=now + timedelta(days=1))
        assert again.revoked_at == now
        assert AuditEvent.objects.filter(type="token.revoked").count() == 1

    def test_another_persons_token_is_not_there(self, now):
        token, _ = make_token(make_user(), now=now)
        with pytest.raises(NoSuchToken):
            revoke_token(owner=make_user(), token_id=token.pk, now=now)
