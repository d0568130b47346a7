"""People who proved an invited address find the invitation without the link, and accept it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.access.models import Invitation
from portal.access.people.invitations import invite_guest, invite_to_lab
from portal.accounts.models import Namespace, User
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_request
from tests.factories.accounts import make_lab, make_user
from tests.factories.affiliations import give_address
from tests.factories.catalog import make_repo
from tests.factories.grants import make_administrator
from tests.portal.access.people.test_invitations import EMAIL, colleague, newest_link
from tests.portal.api.api_calls import by_token, in_session

pytestmark = pytest.mark.django_db
PAGES = ("/inbox", "/labs")


@pytest.fixture
def lab() -> Namespace:
    return make_lab(publisher=make_user())


@pytest.fixture
def invitation(lab) -> Invitation:
    publisher = lab.roles.exclude(user__is_superuser=True).get().user
    return invite(lab, publisher)


def invite(lab: Namespace, publisher: User) -> Invitation:
    invited = invite_to_lab(
        actor=publisher, namespace_id=lab.pk, person=EMAIL, role="publisher", now=timezone.now()
    )
    assert invited.invitation is not None
    return invited.invitation


def test_who_signed_up_without_the_link_sees_it_and_accepts(client, invitation, lab):
    person = colleague()
    client.force_login(person)
    page = f"/invitations/{invitation.pk}"
    for listing in PAGES:
        assert f'href="{page}"' in client.get(listing).text
    assert "Accept as publisher" in client.get(page).text
    assert client.post(page)["Location"] == f"/labs/{lab.name}"
    assert Namespace.objects.publishable_by(person).get() == lab
    for listing in PAGES:
        assert f'href="{page}"' not in client.get(listing).text


def test_an_address_that_is_added_later_brings_it(client, invitation):
    person = make_user()
    client.force_login(person)
    assert f"/invitations/{invitation.pk}" not in client.get("/inbox").text
    give_address(person, EMAIL.upper())
    assert f"/invitations/{invitation.pk}" in client.get("/inbox").text
    assert "Accept as publisher" in client.get(newest_link()).text, "and the link works for them"


def test_to_everybody_else_there_is_no_such_invitation(client, invitation):
    person = make_user()
    address = give_address(person, EMAIL)
    address.verified = False
    address.save()
    for stranger in (person, make_user()):
        client.force_login(stranger)
        page = f"/invitations/{invitation.pk}"
        assert client.get(page).status_code == client.post(page).status_code == 404
        assert page not in client.get("/inbox").text
    client.logout()
    assert client.get(page)["Location"] == f"/accounts/login/?next={page}"


def test_the_api_lists_and_accepts_in_a_session(invitation, lab):
    person = colleague()
    api = in_session(person)
    (row,) = api.get("invitations").json()["results"]
    assert (row["id"], row["role"], row["place"]) == (invitation.pk, "publisher", "Example Lab")
    path = f"invitations/{invitation.pk}/accept"
    assert by_token(person, "download").post(path).status_code == 403
    assert in_session(make_user()).post(path).status_code == 404
    assert api.post(path).status_code == 200
    assert api.post(path).status_code == 409
    assert api.get("invitations").json()["count"] == 0
    assert Namespace.objects.publishable_by(person).get() == lab


def test_a_role_that_is_given_otherwise_ends_the_invitation(client, lab, invitation):
    person = colleague()
    publisher = invitation.invited_by
    again = invite_to_lab(
        actor=publisher, namespace_id=lab.pk, person=EMAIL, role="publisher", now=timezone.now()
    )
    assert (again.user, again.is_new) == (person, True)
    assert not Invitation.objects.waiting().exists()
    assert OutboxMessage.objects.get(kind="role_invitation").state == "cancelled"
    client.force_login(person)
    assert "Invitations to you" not in client.get("/inbox").text


def test_a_guest_is_told_to_what_they_are_invited(client):
    case = make_request(make_repo())
    head, now = make_administrator(case.repo), timezone.now()
    invite_guest(actor=head, request_id=case.pk, person=EMAIL, now=now)
    client.force_login(colleague())
    page = " ".join(client.get("/inbox").text.split())
    assert f"invites you as guest of request {case.reference}" in page.replace("⁨", "").replace(
        "⁩", ""
    )


def test_many_invitations_cost_the_queries_of_few(client, django_assert_max_num_queries):
    publisher = make_user()
    for number in range(5):
        invite(make_lab(f"lab-{number}", publisher=publisher), publisher)
    client.force_login(colleague())
    with django_assert_max_num_queries(16):
        client.get("/inbox")
