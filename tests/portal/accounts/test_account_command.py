"""``manage.py account``: accounts and tokens for scripts."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from portal.accounts.models import AccessToken, User
from portal.accounts.services import token_from_secret
from portal.audit.models import AuditEvent
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db
WHO = {"email": "rita@lab.example", "name": "Rita R"}


def account(*words: str, **options: object) -> str:
    out = io.StringIO()
    call_command("account", *words, stdout=out, **options)
    return out.getvalue().strip()


def test_it_makes_an_account_and_a_token_that_works(now, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("a few plain words\n"))
    assert account("create", "rita", password_stdin=True, **WHO) == "rita"
    rita = User.objects.get(username="rita")
    assert rita.check_password("a few plain words")
    assert rita.has_verified_email
    secret = account("token", "rita", name="ci", scopes="download")
    assert token_from_secret(secret, now=rita.date_joined).user == rita
    events = set(AuditEvent.objects.values_list("type", flat=True))
    assert {"account.created", "token.issued"} <= events


def test_without_a_password_nobody_signs_in_by_one():
    account("create", "rita", **WHO)
    assert not User.objects.get(username="rita").has_usable_password()


@pytest.mark.parametrize(
    ("words", "options", "sentence"),
    [
        (("create", "a b"), WHO, "username: Use 1 to 96 letters"),
        (("create", "Taken"), WHO, "username: The name Taken is taken"),
        (("create", "rita"), {**WHO, "email": "rita"}, "email: "),
        (("create", "rita"), {**WHO, "email": "taken@university.example"}, "email: .* belongs to"),
        (("token", "nobody"), {"name": "ci", "scopes": "download"}, "There is no account nobody"),
        (
            ("token", "taken"),
            {"name": "ci", "scopes": "publish"},
            "taken may not publish yet",
        ),
        (("token", "taken"), {"name": "ci", "scopes": ","}, "scopes: Choose at least one"),
        (
            ("token", "taken"),
            {"name": "ci", "scopes": "download,all"},
            "no scope all. There are download, infer, publish, review, admin",
        ),
        (("token", "taken"), {"name": "ci", "scopes": "download", "days": 0}, "days: Choose 1"),
    ],
)
def test_what_cannot_be_is_named_and_nothing_is_made(words, options, sentence):
    make_user("taken")
    with pytest.raises(CommandError, match=sentence):
        account(*words, **options)
    assert User.objects.count() == 1
    assert not AccessToken.objects.exists()
