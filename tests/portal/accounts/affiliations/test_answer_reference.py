"""A reference's yes proves the affiliation; opening the link changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.accounts.affiliations import affiliations_of, is_affiliated
from portal.accounts.errors import NoSuchReference, ReferenceClosed
from portal.accounts.mailboxes import mailbox_of
from portal.accounts.models import Organization
from portal.accounts.services.holding import address_confirmed
from portal.accounts.services.references import answer_reference
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_user
from tests.factories.affiliations import give_address, make_organization
from tests.factories.references import make_reference

pytestmark = pytest.mark.django_db


def answer(secret, now, verdict="confirmed", comment=""):
    return answer_reference(secret=secret, verdict=verdict, comment=comment, now=now)


def test_a_yes_proves_it_for_a_year(now):
    university = make_organization("uni.edu", name="University of Tests")
    person = make_user()
    _, secret = make_reference(person, now=now, organization_id=university.pk)
    answer(secret, now, comment=" Since 2024. ")
    (affiliation,) = affiliations_of(person, now)
    assert (affiliation.organization, affiliation.method) == (university, "reference")
    assert affiliation.expires_at == now + timedelta(days=365)
    assert "an address at the organization" in affiliation.evidence
    types = set(AuditEvent.objects.values_list("type", flat=True))
    assert {"reference.answered", "affiliation.proved"} <= types
    letter = OutboxMessage.objects.get(kind="reference_answered")
    assert letter.recipient == person
    assert "Since 2024" not in letter.text


def test_the_reviewer_is_told_where_the_answer_comes_from(now):
    university = make_organization("uni.edu")
    person = make_user()
    _, secret = make_reference(
        person, now=now, organization_id=university.pk, email="head@other.edu"
    )
    answer(secret, now)
    (affiliation,) = affiliations_of(person, now)
    assert "an address at another organization" in affiliation.evidence


def test_a_yes_by_free_mail_is_kept_and_proves_nothing(now):
    person = make_user()
    _, secret = make_reference(person, now=now, email="head@gmail.com")
    assert answer(secret, now).verdict == "confirmed"
    assert not is_affiliated(person, now)
    assert not Organization.objects.exists()
    letter = OutboxMessage.objects.get(kind="reference_answered")
    assert "neither proves a workplace" in letter.text


def test_a_yes_from_a_mailbox_that_became_ones_own_proves_nothing(now):
    person = make_user()
    _, secret = make_reference(person, now=now, email="second@uni.edu")
    give_address(person, "Second+lab@uni.edu")
    answer(secret, now)
    assert not is_affiliated(person, now)


def test_confirming_the_address_of_ones_reference_ends_its_proof(now):
    person = make_user()
    _, secret = make_reference(person, now=now, email="second@uni.edu")
    answer(secret, now)
    assert is_affiliated(person, now)
    give_address(person, "second+x@uni.edu")
    address_confirmed(person=person, email="second+x@uni.edu", now=now)
    assert not is_affiliated(person, now)
    assert AuditEvent.objects.filter(type="affiliation.ended").exists()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("name+tag@uni.edu", "NAME@uni.edu", True),
        ("na.me+tag@gmail.com", "name@googlemail.com", True),
        ("na.me@uni.edu", "name@uni.edu", False),
        ("name@uni.edu", "name@other.edu", False),
    ],
)
def test_one_mailbox_has_many_spellings(one, other, same):
    assert (mailbox_of(one) == mailbox_of(other)) == same


def test_the_page_says_that_such_an_answer_proves_nothing(client, now):
    person = make_user()
    _, secret = make_reference(person, now=now, email="head@gmail.com")
    answer(secret, now)
    client.force_login(person)
    page = client.get(reverse("accounts:affiliations")).text
    assert "Proves nothing" in page
    assert "For a proof, name somebody with an address at the organization." in page


def test_an_unlisted_organization_is_made_by_the_yes_and_shared(now):
    for _ in range(2):
        person = make_user()
        _, secret = make_reference(person, now=now)
        assert is_affiliated(person, now) is False
        answer(secret, now)
        assert is_affiliated(person, now)
    assert Organization.objects.get(name="Unlisted Institute").ror_id is None


def test_a_no_proves_nothing(now):
    person = make_user()
    _, secret = make_reference(person, now=now)
    answer(secret, now, "denied")
    assert not is_affiliated(person, now)
    assert not Organization.objects.exists()


def test_a_second_yes_takes_the_place_of_the_first(now):
    person = make_user()
    for email in ("one@uni.edu", "two@uni.edu"):
        _, secret = make_reference(person, now=now, email=email)
        answer(secret, now)
    (affiliation,) = affiliations_of(person, now)
    assert "two@uni.edu" in affiliation.evidence


def test_it_is_answered_once(now):
    _, secret = make_reference(make_user(), now=now)
    answer(secret, now)
    with pytest.raises(ReferenceClosed):
        answer(secret, now, "denied")


def test_a_link_ends_after_three_weeks(now):
    _, secret = make_reference(make_user(), now=now)
    with pytest.raises(ReferenceClosed):
        answer(secret, now + timedelta(days=21))


def test_a_made_up_link_leads_nowhere(now):
    with pytest.raises(NoSuchReference):
        answer("made-up", now)


def test_neither_yes_nor_no_is_no_answer(now):
    _, secret = make_reference(make_user(), now=now)
    with pytest.raises(FieldErrors):
        answer(secret, now, "perhaps")


def test_the_page_asks_and_only_its_form_answers(client):
    person = make_user()
    reference, secret = make_reference(person, now=timezone.now())
    url = reverse("accounts:reference", args=[secret])
    page = client.get(url)
    assert person.display_name in page.text
    assert "Unlisted Institute" in page.text
    assert "no-store" in page["Cache-Control"]
    client.head(url)
    reference.refresh_from_db()
    assert reference.answered_at is None
    assert client.post(url, {}).status_code == 422
    assert client.post(url, {"verdict": "confirmed"}).url == url
    assert "Thank you" in client.get(url).text, "and a reload sends nothing"
    assert is_affiliated(person, timezone.now())
    assert client.post(url, {"verdict": "denied"}).status_code == 409


def test_a_stranger_with_a_made_up_link_gets_404(client):
    assert client.get(reverse("accounts:reference", args=["made-up"])).status_code == 404


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"expires_at": timezone.now() - timedelta(days=1)}, "has run out"),
        ({"cancelled_at": timezone.now()}, "has taken the question back"),
    ],
)
def test_a_link_that_ended_says_kindly_why(client, changed, words):
    reference, secret = make_reference(make_user(), now=timezone.now())
    type(reference).objects.filter(pk=reference.pk).update(**changed)
    for page in (client.get(url := f"/references/{secret}"), client.post(url)):
        assert page.status_code == 409
        assert words in page.text
        assert "invalid_transition" not in page.text
    assert client.get("/references/made-up").status_code == 404


def test_an_open_question_says_until_when_and_that_no_account_is_needed(client):
    _, secret = make_reference(make_user(), now=timezone.now())
    page = client.get(f"/references/{secret}").text
    assert "You need no account. You can answer once, until" in page
