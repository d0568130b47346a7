"""``manage.py lab`` and ``manage.py people``: what the pages do, in sentences and in JSON."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from portal.access.models import Invitation
from portal.accounts.models import Namespace
from tests.factories.accounts import make_lab, make_user

pytestmark = pytest.mark.django_db


def said(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue().strip()


def test_a_lab_is_made_and_listed():
    operator = make_user(superuser=True)
    made = said("lab", "create", "deep-lab", "--title", "Deep Lab", "--as", operator.username)
    assert made == "deep-lab is made: Deep Lab."
    rows = json.loads(said("lab", "list", "--json"))
    assert {"name": "deep-lab", "title": "Deep Lab"} in rows


def test_what_is_refused_is_a_sentence():
    person = make_user()
    with pytest.raises(CommandError, match="Only the operators of this site may make a lab"):
        said("lab", "create", "deep-lab", "--title", "Deep Lab", "--as", person.username)
    with pytest.raises(CommandError, match="Give the lab’s name in full"):
        said("lab", "create", "x-lab", "--title", "", "--as", make_user(superuser=True).username)
    with pytest.raises(CommandError, match="There is no lab nowhere"):
        said("people", "list", "nowhere")
    with pytest.raises(CommandError, match="Say in which lab"):
        said("people", "give", "x", "--role", "publisher", "--as", person.username)


def test_people_are_invited_given_listed_and_taken():
    publisher, person = make_user(), make_user()
    lab = make_lab(publisher=publisher)
    change = ["--lab", lab.name, "--as", publisher.username]
    words = said("people", "invite", "new@institute.example", "--role", "reviewer", *change)
    assert words.startswith("An invitation is on its way to new@institute.example.")
    assert Invitation.objects.waiting().count() == 1
    assert said("people", "give", person.username, "--role", "publisher", *change).endswith("now.")
    again = said("people", "give", person.username, "--role", "publisher", *change)
    assert again == f"{person.username} is publisher already. Nothing changed."
    again = said("people", "invite", person.username, "--role", "publisher", *change)
    assert again.endswith("has the role already. Nothing changed.")
    content = json.loads(said("people", "list", lab.name, "--json"))
    roles = {row["username"]: row["roles"] for row in content["people"]}
    assert roles[person.username] == ["publisher"]
    assert content["invitations"][0]["email"] == "new@institute.example"
    said("people", "take", person.username, "--role", "publisher", *change)
    assert not Namespace.objects.publishable_by(person).exists()


def test_an_operator_is_made_and_the_last_stays():
    operator, person = make_user(superuser=True), make_user()
    by = ["--role", "operator", "--as", operator.username]
    with pytest.raises(CommandError, match="is the last operator"):
        said("people", "take", operator.username, *by)
    said("people", "give", person.username, *by)
    person.refresh_from_db()
    assert person.is_superuser
    assert said("people", "give", person.username, *by).endswith("already. Nothing changed.")
    with pytest.raises(CommandError, match="Leave --lab out"):
        said("people", "give", person.username, *by, "--lab", make_lab().name)
    assert json.loads(said("people", "take", person.username, *by, "--json"))
