"""Invitations by mail: only whoever proves the invited address can accept, by a POST."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial

import pytest
from django.test import Client
from django.utils import timezone

from portal.access.models import Invitation
from portal.access.people.accepting import accept_invitation
from portal.access.people.errors import InvitationClosed, InvitationForAnother, NoSuchInvitation
from portal.access.people.invitations import invite_to_lab, invite_to_team
from portal.access.people.managing import resend_invitation, withdraw_invitation
from portal.accounts.models import Namespace
from portal.audit.models import AuditEvent
from portal.catalog.models import NamespaceSeat
from portal.errors import FieldErrors
from portal.outbox.budget import MOST_A_DAY_TO_ONE, TooManyLetters
from portal.outbox.models import OutboxMessage
from portal.outbox.services.bounces import mark_bounced
from tests.factories.accounts import make_lab, make_user
from tests.factories.affiliations import give_address
from tests.factories.catalog import make_repo
from tests.factories.grants import make_administrator

pytestmark = pytest.mark.django_db
EMAIL = "colleague@institute.example"


@pytest.fixture
def publisher():
    return make_user()


@pytest.fixture
def lab(publisher) -> Namespace:
    return make_lab(publisher=publisher)


@pytest.fixture
def invite(publisher, lab):
    return partial(
        invite_to_lab,
        actor=publisher,
        namespace_id=lab.pk,
        person=EMAIL,
        role="publisher",
        now=timezone.now(),
    )


@pytest.mark.parametrize(
    ("person", "words"),
    [
        ("nobody-here", "give a whole e-mail address"),
        ("ü@institute.example", "“ü” has letters that mail can’t be sent to"),
        ("a@b", "“b” is no whole domain"),
        ("a b@institute.example", "is no e-mail address"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(invite, person, words):
    with pytest.raises(FieldErrors) as refusal:
        invite(person=person)
    assert words in refusal.value.errors["person"]


def test_the_letter_names_the_role_in_one_line(invite, lab):
    invite()
    letter = OutboxMessage.objects.get(kind="role_invitation")
    assert f", as publisher of {lab.display_name}.\n" in letter.text


def link_of(letter: OutboxMessage) -> str:
    link = re.search(r"http://\S+(/invitations/\S+)", letter.text)
    assert link is not None
    return link[1]


def newest_link() -> str:
    return link_of(OutboxMessage.objects.filter(kind="role_invitation").latest("pk"))


def secret() -> str:
    return newest_link().rpartition("/")[2]


def colleague(email: str = EMAIL):
    person = make_user()
    give_address(person, email)
    return person


def test_the_letter_goes_to_the_address_with_a_link_that_is_stored_hashed(invite, publisher):
    invitation = invite().invitation
    letter = OutboxMessage.objects.get(kind="role_invitation")
    assert (letter.address, letter.is_secret, letter.sender) == (EMAIL, True, publisher)
    assert secret() not in str(Invitation.objects.values().get())
    event = AuditEvent.objects.get(type="invitation.sent")
    assert event.data == {"invitation": invitation.pk, "role": "publisher"}
    assert EMAIL not in str(event.data)


def test_opening_the_link_changes_nothing_and_leads_through_signing_up(invite, client):
    invite()
    page = client.get(newest_link())
    assert page.status_code == 200
    assert f"/accounts/signup/?next=%2Finvitations%2F{secret()}" in page.text
    assert client.post(newest_link()).url == f"/accounts/login/?next={newest_link()}"
    assert Invitation.objects.waiting().exists()


def test_the_addressee_accepts_by_a_post_and_has_the_role(invite, client, lab):
    invite()
    person = colleague()
    client.force_login(person)
    assert "Accept as publisher" in client.get(newest_link()).text
    assert not Namespace.objects.publishable_by(person).exists()
    response = client.post(newest_link())
    assert response["Location"] == f"/labs/{lab.name}"
    assert Namespace.objects.publishable_by(person).get() == lab
    assert AuditEvent.objects.filter(type="invitation.accepted", actor=person).exists()


def test_another_account_can_not_take_what_was_sent_to_an_address(invite, client):
    invite()
    stranger = make_user()
    client.force_login(stranger)
    assert "Accept as" not in client.get(newest_link()).text
    assert client.post(newest_link()).status_code == 403
    assert not Namespace.objects.publishable_by(stranger).exists()


def test_an_address_that_was_merely_typed_is_not_proved(invite):
    invite()
    person = make_user()
    address = give_address(person, EMAIL)
    address.verified = False
    address.save()
    with pytest.raises(InvitationForAnother):
        accept_invitation(person=person, secret=secret(), now=timezone.now())


def test_a_second_address_that_is_proved_later_will_do(invite):
    invite()
    person = make_user()
    give_address(person, EMAIL.upper())
    accept_invitation(person=person, secret=secret(), now=timezone.now())
    assert Namespace.objects.publishable_by(person).exists()


def test_a_link_works_once_and_for_two_weeks(invite):
    invite()
    person, now = colleague(), timezone.now()
    with pytest.raises(InvitationClosed):
        accept_invitation(person=person, secret=secret(), now=now + timedelta(days=15))
    accept_invitation(person=person, secret=secret(), now=now)
    with pytest.raises(InvitationClosed, match="accepted already"):
        accept_invitation(person=person, secret=secret(), now=now)


def test_sending_again_ends_the_old_link(invite, publisher):
    invitation = invite().invitation
    old = secret()
    resend_invitation(actor=publisher, invitation_id=invitation.pk, now=timezone.now())
    with pytest.raises(NoSuchInvitation):
        accept_invitation(person=colleague(), secret=old, now=timezone.now())
    assert OutboxMessage.objects.filter(kind="role_invitation", state="cancelled").count() == 1
    assert secret() != old


def test_withdrawing_ends_it_and_its_letter(invite, publisher):
    invitation = invite().invitation
    withdraw_invitation(actor=publisher, invitation_id=invitation.pk, now=timezone.now())
    with pytest.raises(InvitationClosed, match="no longer open"):
        accept_invitation(person=colleague(), secret=secret(), now=timezone.now())
    assert OutboxMessage.objects.get(kind="role_invitation").state == "cancelled"


def test_strangers_neither_withdraw_nor_send_again(invite):
    invitation = invite().invitation
    for act in (withdraw_invitation, resend_invitation):
        with pytest.raises(NoSuchInvitation):
            act(actor=make_user(), invitation_id=invitation.pk, now=timezone.now())


def test_only_who_manages_it_is_led_to_its_place(invite, client, publisher, lab):
    invited = invite().invitation
    for person, place in ((make_user(), "/labs"), (publisher, f"/labs/{lab.name}")):
        client.force_login(person)
        assert client.get(f"/invitations/{invited.pk}/withdraw")["Location"] == place


def test_who_has_an_account_gets_the_role_at_once(invite, lab):
    person = colleague()
    assert invite(role="reviewer").user == person
    assert NamespaceSeat.objects.get(namespace=lab).user == person
    assert not Invitation.objects.exists()
    assert OutboxMessage.objects.get(kind="role_given").recipient == person


def test_an_invitation_whose_inviter_lost_the_right_gives_nothing(invite, publisher, lab):
    invite()
    lab.roles.filter(user=publisher).delete()
    person = colleague()
    with pytest.raises(InvitationClosed):
        accept_invitation(person=person, secret=secret(), now=timezone.now())
    assert Invitation.objects.waiting().exists()


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"person": "not an address"}, "person"), ({"role": "guest"}, "role"), ({}, "person")],
)
def test_bad_input_and_a_second_invitation_are_named(invite, changed, field):
    invite()
    with pytest.raises(FieldErrors) as refusal:
        invite(**changed)
    assert set(refusal.value.errors) == {field}
    assert Invitation.objects.count() == 1


def test_letters_are_within_the_budget_of_an_address(invite, publisher):
    invitation = invite().invitation
    again = partial(
        resend_invitation, actor=publisher, invitation_id=invitation.pk, now=timezone.now()
    )
    for _ in range(MOST_A_DAY_TO_ONE - 1):
        again()
    with pytest.raises(TooManyLetters):
        again()


def test_the_page_shows_who_is_invited_and_that_a_letter_came_back(invite, client, publisher, lab):
    invite()
    mark_bounced(address=EMAIL, reason="no such mailbox", now=timezone.now())
    client.force_login(publisher)
    page = client.get(f"/labs/{lab.name}").text
    assert EMAIL in page
    assert "The letter came back" in page
    assert "no such mailbox" in page


def test_the_page_invites_takes_and_names_what_that_affects(client, publisher, lab):
    person = make_user()
    make_repo(namespace=lab)
    client.force_login(publisher)
    page = f"/labs/{lab.name}"
    assert client.post(page, {"person": "", "role": "reviewer"}).status_code == 422
    assert client.post(page, {"person": EMAIL, "role": "reviewer"})["Location"] == page
    client.post(page, {"person": person.username, "role": "administrator"})
    taking = f"{page}/people/{person.username}/administrator"
    assert "requests of its 1 model, those to come included" in client.get(taking).text
    assert NamespaceSeat.objects.filter(user=person).exists()
    assert client.post(taking)["Location"] == page
    assert not NamespaceSeat.objects.filter(user=person).exists()


def test_many_people_cost_the_queries_of_few(client, publisher, lab, django_assert_max_num_queries):
    client.force_login(publisher)
    for number in range(12):
        NamespaceSeat.objects.create(namespace=lab, user=make_user(), role="reviewer")
        invite_to_lab(
            actor=publisher,
            namespace_id=lab.pk,
            person=f"{number}@institute.example",
            role="reviewer",
            now=timezone.now(),
        )
    with django_assert_max_num_queries(18):
        client.get(f"/labs/{lab.name}")


def test_a_team_of_one_model_is_invited_from_its_gate(client):
    repo = make_repo()
    client.force_login(make_administrator(repo))
    gate = f"/gates/{repo.full_name}"
    response = client.post(f"{gate}/team", {"person": EMAIL, "role": "reviewer"}, follow=True)
    assert f"on its way to {EMAIL}" in response.text
    person, other = colleague(), Client()
    other.force_login(person)
    assert other.post(newest_link())["Location"] == "/queue"
    assert repo.team.get(user=person).role == "reviewer"


def test_who_is_seated_on_a_team_gets_one_letter_and_again_changes_nothing():
    repo, person = make_repo(), make_user()
    seat = partial(
        invite_to_team,
        actor=make_administrator(repo),
        repo_id=repo.pk,
        person=person.username,
        role="reviewer",
        now=timezone.now(),
    )
    assert [seat().is_new, seat().is_new] == [True, False]
    assert repo.full_name in OutboxMessage.objects.get(kind="role_given").text


def test_a_team_invitation_says_which_role_is_wrong():
    repo = make_repo()
    with pytest.raises(FieldErrors) as refusal:
        invite_to_team(
            actor=make_administrator(repo),
            repo_id=repo.pk,
            person=EMAIL,
            role="publisher",
            now=timezone.now(),
        )
    assert set(refusal.value.errors) == {"role"}
