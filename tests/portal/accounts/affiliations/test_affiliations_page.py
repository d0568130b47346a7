"""The page of what is proved, what waits, and the ways to more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.account.models import EmailConfirmationHMAC
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal.accounts.affiliations import affiliations_of, is_affiliated
from portal.accounts.errors import NoSuchAffiliation, ProofLinkUseless
from portal.accounts.models import Affiliation, Reference
from portal.accounts.services.renewal import SALT, ask_renewal, renew_by_letter
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_user
from tests.factories.affiliations import give_address, make_member, make_organization
from tests.factories.references import make_reference

pytestmark = pytest.mark.django_db
URL = "/affiliations"
FORM = {
    "organization": "Unlisted Institute",
    "name": "Head of Department",
    "email": "head@uni.edu",
    "relation": "Leads my group",
}


@pytest.fixture
def person(client):
    person = make_user()
    client.force_login(person)
    return person


def test_who_has_nothing_is_told_the_ways(client, person):
    page = client.get(URL).text
    assert "Nothing proves where you work yet" in page
    for way in ("By an address", "By a reference", "By a reviewer", "the same rights"):
        assert way in page


def test_confirming_an_address_proves_it_at_once(client, person):
    make_organization("uni.edu", name="University of Tests")
    address = give_address(person, "me@cs.uni.edu", verified=False)
    key = EmailConfirmationHMAC(address).key
    client.get(reverse("account_confirm_email", args=[key]))
    assert not is_affiliated(person, timezone.now())
    client.post(reverse("account_confirm_email", args=[key]))
    assert is_affiliated(person, timezone.now())
    page = client.get(URL).text
    assert "University of Tests" in page
    assert "Address at uni.edu" in page


def test_several_addresses_are_kept_and_removing_one_ends_its_proof(client, person):
    make_organization("uni.edu")
    give_address(person, "me@uni.edu")
    client.post(reverse("accounts:affiliations_check"))
    assert is_affiliated(person, timezone.now())
    values = {"email": "me@uni.edu", "action_remove": ""}
    client.post(reverse("account_email"), values)
    assert not person.emailaddress_set.filter(email="me@uni.edu").exists()
    assert not is_affiliated(person, timezone.now())


def test_the_button_finds_an_organization_listed_since(client, person):
    give_address(person, "me@uni.edu")
    check = reverse("accounts:affiliations_check")
    assert "prove nothing new" in client.post(check, follow=True).text
    make_organization("uni.edu", name="University of Tests")
    assert "Proved: University of Tests." in client.post(check, follow=True).text


def test_a_reference_is_asked_and_can_be_taken_back(client, person):
    assert client.post(URL, FORM).status_code == 302
    page = client.get(URL).text
    assert "On its way" in page
    assert "Send again" not in page
    reference = Reference.objects.get()
    client.post(reverse("accounts:cancel", args=[reference.pk]))
    assert "head@uni.edu" not in client.get(URL).text


def test_who_names_a_free_mail_address_is_told_what_it_proves(client, person):
    sent = client.post(URL, FORM | {"email": "head@gmail.com"}, follow=True)
    assert "The question is on its way to" in sent.text
    assert sent.text.count("it doesn’t prove where you work.") == 2  # the message, and the row


def test_a_listed_organization_is_recognized(client, person):
    university = make_organization("uni.edu", name="University of Tests", ror_id="042nb2s44")
    client.post(URL, {**FORM, "organization": "042nb2s44"})
    assert Reference.objects.get().organization == university


def test_what_will_not_do_is_said_beside_its_field(client, person):
    answer = client.post(URL, {**FORM, "email": person.email, "relation": "see www.x.example"})
    assert answer.status_code == 422
    assert "Name somebody else" in answer.text
    assert "Write it without a link" in answer.text


def test_without_a_verified_address_the_page_says_what_comes_first(client):
    client.force_login(make_user(verified=False))
    assert "Confirm an address of your own first" in client.get(URL).text
    assert client.post(URL, FORM).status_code == 422


def test_the_list_costs_the_same_however_long(client, person):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(URL)
        return len(queries)

    long_ago = timezone.now() - timedelta(days=60)
    make_reference(person, now=long_ago, email="0@uni.edu")
    before = count()
    for number in range(1, 25):
        at = long_ago + timedelta(days=2 * number)
        make_reference(person, now=at, email=f"{number}@uni.edu")
    assert count() <= before + 1  # the count of pages
    assert "Page 1 of 2" in client.get(URL).text


def member(now):
    make_organization("uni.edu", name="University of Tests")
    return make_member("uni.edu", now=now)


def link_in_letter() -> str:
    text = OutboxMessage.objects.filter(kind="renewal").latest("pk").text
    return text.split("/affiliations/prove/")[1].split()[0]


def test_a_proof_that_runs_out_is_renewed_by_a_letter(client):
    now = timezone.now()
    person, _ = member(now - timedelta(days=350))
    client.force_login(person)
    assert "Prove it again" in client.get(URL).text
    client.post(reverse("accounts:affiliation_renew", args=[Affiliation.objects.get().pk]))
    url = reverse("accounts:affiliation_prove", args=[link_in_letter()])
    assert "@uni.edu" in client.get(url).text
    assert affiliations_of(person, now)[0].expires_at < now + timedelta(days=30)
    client.post(url)
    (renewed,) = affiliations_of(person, timezone.now())
    assert renewed.expires_at > now + timedelta(days=360)


def test_a_proof_far_from_its_end_sends_no_letter(now):
    person, affiliation = member(now)
    with pytest.raises(NoSuchAffiliation):
        ask_renewal(person=person, affiliation_id=affiliation.pk, now=now)


def test_pressing_twice_sends_one_letter(now):
    person, affiliation = member(now)
    late = now + timedelta(days=360)
    for _ in range(2):
        ask_renewal(person=person, affiliation_id=affiliation.pk, now=late)
    assert OutboxMessage.objects.filter(kind="renewal").count() == 1


def test_a_letters_link_is_for_its_owner_and_for_three_days(now):
    person, affiliation = member(now)
    late = now + timedelta(days=360)
    ask_renewal(person=person, affiliation_id=affiliation.pk, now=late)
    signed = link_in_letter()
    for who, when, link in (
        (make_user(), late, signed),
        (person, late + timedelta(days=4), signed),
        (person, late, signed + "x"),
        (person, late, signing.dumps([0, int(late.timestamp())], salt=SALT)),
    ):
        with pytest.raises(ProofLinkUseless):
            renew_by_letter(person=who, signed=link, now=when)
    assert renew_by_letter(person=person, signed=signed, now=late)
    assert renew_by_letter(person=person, signed=signed, now=late) == []
