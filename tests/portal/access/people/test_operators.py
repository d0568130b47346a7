"""Operators are made as all others are: at once, or by a letter to an address; the last stays."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError
from django.test import Client
from django.utils import timezone

from portal.access.models import Invitation
from portal.access.people.accepting import accept_invitation
from portal.access.people.errors import InvitationClosed, NoSuchInvitation
from portal.access.people.invitations import invite_operator
from portal.access.people.managing import withdraw_invitation
from portal.access.people.operators import take_operator
from portal.accounts.models import User
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors, Forbidden
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_lab, make_user
from tests.portal.access.people.test_invitations import EMAIL, colleague, newest_link, secret
from tests.portal.api.api_calls import by_token, fields_of
from tests.portal.site.labs.test_commands import said

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator():
    return make_user(superuser=True)


def invite(operator: User) -> Invitation:
    invited = invite_operator(actor=operator, person=EMAIL, now=timezone.now())
    assert invited.invitation is not None
    return invited.invitation


def test_the_page_invites_an_address_and_lists_it(client, operator):
    client.force_login(operator)
    page = client.post("/operators/people", {"person": EMAIL}, follow=True).text
    assert f"An invitation is on its way to {EMAIL}" in page
    assert f'Withdraw<span class="vh"> the invitation to {EMAIL}' in " ".join(page.split())
    withdraw = f"/invitations/{Invitation.objects.get().pk}/withdraw"
    assert client.post(withdraw)["Location"] == "/operators/people"
    assert not Invitation.objects.waiting().exists()


def test_who_accepts_operates_the_site_and_the_record_says_so(operator):
    invitation = invite(operator)
    sent = AuditEvent.objects.get(type="invitation.sent")
    assert (sent.actor_id, sent.data["role"]) == (operator.pk, "operator")
    person, other = colleague(), Client()
    other.force_login(person)
    assert "to operate this site" in other.get(newest_link()).text
    assert other.post(newest_link())["Location"] == "/labs"
    assert User.objects.operators().filter(pk=person.pk).exists()
    given = AuditEvent.objects.get(type="operator.role_given", target_id=str(person.pk))
    assert given.actor_id == operator.pk
    invitation.refresh_from_db()
    assert invitation.accepted_by == person


def test_who_has_an_account_is_one_at_once_and_gets_a_letter(client, operator):
    person = make_user()
    client.force_login(operator)
    page = client.post("/operators/people", {"person": person.username}, follow=True).text
    assert "has the role now, and a letter that says so" in page
    assert "operator of" in OutboxMessage.objects.get(kind="role_given", recipient=person).text
    page = client.post("/operators/people", {"person": person.username}, follow=True).text
    assert "has the role already. Nothing changed." in page


def test_the_api_invites_lists_sends_again_and_withdraws(operator):
    api = by_token(operator, "admin")
    invited = api.post("operators", person=EMAIL).json()
    assert (invited["person"], invited["invitation"]["email"]) == (None, EMAIL)
    assert fields_of(api.post("operators", person=EMAIL)) == {"person"}
    (row,) = api.get("operators/invitations").json()["results"]
    path = f"operators/invitations/{row['id']}"
    assert (row["role"], api.post(f"{path}/again").status_code) == ("operator", 200)
    assert api.delete(path).status_code == 204
    assert api.get("operators/invitations").json()["count"] == 0
    assert api.delete(path).status_code == 404


def test_an_invitation_to_a_lab_is_not_found_among_operators(operator):
    lab = make_lab(publisher=operator)
    api = by_token(operator, "admin")
    invited = api.post(f"labs/{lab.name}/people", person=EMAIL, role="reviewer").json()
    assert api.delete(f"operators/invitations/{invited['invitation']['id']}").status_code == 404


def test_the_command_invites(operator):
    by = ["--role", "operator", "--as", operator.username]
    words = said("people", "invite", EMAIL, *by)
    assert words.startswith(f"An invitation is on its way to {EMAIL}.")
    assert json.loads(said("people", "invite", make_user().username, *by, "--json"))
    with pytest.raises(CommandError, match="use `people invite`"):
        said("people", "give", "else@institute.example", *by)


def test_nobody_else_invites_or_withdraws(client, operator):
    invitation = invite(operator)
    publisher = make_user()
    make_lab(publisher=publisher)
    with pytest.raises(Forbidden):
        invite_operator(actor=publisher, person=EMAIL, now=timezone.now())
    with pytest.raises(NoSuchInvitation):
        withdraw_invitation(actor=publisher, invitation_id=invitation.pk, now=timezone.now())
    client.force_login(publisher)
    assert client.post("/operators/people", {"person": EMAIL}).status_code == 403


def test_an_invitation_of_a_former_operator_gives_nothing(operator):
    invite(operator)
    successor = make_user(superuser=True)
    take_operator(actor=successor, username=operator.username, now=timezone.now())
    with pytest.raises(InvitationClosed):
        accept_invitation(person=colleague(), secret=secret(), now=timezone.now())
    assert User.objects.operators().get() == successor


def test_an_invitation_that_waits_does_not_let_the_last_operator_go(operator):
    invite(operator)
    with pytest.raises(FieldErrors, match="is the last operator"):
        take_operator(actor=operator, username=operator.username, now=timezone.now())
