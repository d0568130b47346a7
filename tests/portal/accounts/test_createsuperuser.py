"""``manage.py createsuperuser`` makes a whole account: what it makes may publish at once."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from portal.accounts.models import User
from tests.factories.accounts import make_token, make_user

pytestmark = pytest.mark.django_db


def create(**answers: str) -> None:
    said = {"username": "olga", "email": "Olga@lab.example", "name": "Olga O", **answers}
    call_command("createsuperuser", interactive=False, verbosity=0, **said)


def test_its_address_is_proved_and_it_has_a_namespace(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery")
    create()
    olga = User.objects.get(username="olga")
    assert olga.check_password("correct horse battery")
    assert olga.has_verified_email
    assert olga.email == "olga@lab.example"
    assert olga.namespace.name == "olga"


def test_it_makes_a_repo_by_its_token(client):
    """Before, the Hub’s answer to an operator was to ask the operator."""
    create()
    _, secret = make_token(User.objects.get(username="olga"), now=timezone.now())
    response = client.post(
        "/api/repos/create",
        {"name": "first"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert response.json()["id"] == "olga/first"


@pytest.mark.parametrize("name", ["a b", "accounts", "Taken"])
def test_a_name_that_cannot_be_is_refused_and_nothing_is_made(name):
    make_user("taken")
    with pytest.raises(CommandError):
        create(username=name)
    assert User.objects.count() == 1
