"""A reference's yes proves the affiliation; opening the link changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.accounts.affiliations import affiliations_of, is_affiliated
from portal.accounts.errors import NoSuchReference, ReferenceClosed
from portal.accounts.models import Organization
from portal.accounts.services.references import answer_reference
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_user
from tests.factories.affiliations import make_organization
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


@pytest.mark.parametrize(
    ("email", "said"),
    [
        ("head@gmail.com", "free-mail address, which proves no workplace"),
        ("head@other.edu", "an address elsewhere"),
    ],
)
def test_the_reviewer_is_told_where_the_answer_comes_from(now, email, said):
    university = make_organization("uni.edu")
    person = make_user()
    _, secret = make_reference(person, now=now, organization_id=university.pk, email=email)
    answer(secret, now)
    (affiliation,) = affiliations_of(person, now)
    assert said in affiliation.evidence


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
