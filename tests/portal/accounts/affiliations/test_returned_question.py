"""A question to a reference came back: the applicant is told, and mends it or names another."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.access.reminders.tick import tick
from portal.accounts.errors import NoSuchReference, ReferenceClosed
from portal.accounts.models import Reference
from portal.accounts.services.references import answer_reference, readdress_reference
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_token, make_user
from tests.factories.references import make_reference, secret_in_mail

pytestmark = pytest.mark.django_db
REASON = "550 5.1.1 no such user"


def letter_to(reference) -> OutboxMessage:
    return OutboxMessage.objects.filter(kind="reference", address=reference.email).latest("pk")


def comes_back(reference, state: str = "bounced") -> None:
    letter = letter_to(reference)
    letter.state, letter.last_error = state, REASON
    letter.save()


@pytest.fixture
def person():
    return make_user()


@pytest.fixture
def returned(person, now):
    reference, _ = make_reference(person, now=now)
    comes_back(reference)
    return reference


def readdress(person, reference, now, email="dean@uni.edu") -> Reference:
    return readdress_reference(person=person, reference_id=reference.pk, email=email, now=now)


def test_the_applicant_reads_it_mends_the_address_and_has_the_proof(client, person):
    """The pain: a letter that had come back showed “Waits”, and nothing could be done."""
    now = timezone.now()
    reference, old_secret = make_reference(person, now=now)
    client.force_login(person)
    page = reverse("accounts:affiliations")
    assert "On its way" in client.get(page).content.decode()
    OutboxMessage.objects.filter(kind="reference").update(state="sent", sent_at=now)
    assert "Delivered, waits for an answer" in client.get(page).content.decode()
    comes_back(reference)
    shown = client.get(page).content.decode()
    assert "Came back" in shown
    assert REASON in shown
    assert "Name another" in shown
    mend = reverse("accounts:reference_address", args=[reference.pk])
    assert mend in shown
    assert REASON in client.get(mend).content.decode()
    assert client.post(mend, {"email": reference.email}).status_code == 422
    assert client.post(mend, {"email": "dean@uni.edu"}).status_code == 302
    shown = client.get(page).content.decode()
    assert "dean@uni.edu" in shown
    assert "On its way" in shown
    assert "Came back" not in shown
    reference.refresh_from_db()
    secret = secret_in_mail(reference)
    assert secret != old_secret
    answer_reference(secret=secret, verdict="confirmed", comment="", now=now)
    assert person.affiliations.filter(method="reference").exists()


def test_naming_somebody_else_works_beside_it(client, returned, person):
    client.force_login(person)
    answers = {
        "organization": "Unlisted Institute",
        "name": "A Colleague",
        "email": "colleague@uni.edu",
        "relation": "Works next door",
    }
    assert client.post(reverse("accounts:affiliations"), answers).status_code == 302
    assert Reference.objects.of(person).unanswered().count() == 2


def test_the_applicant_is_told_by_a_letter_once(person, returned, now):
    tick(now)
    tick(now + timedelta(minutes=1))
    letter = OutboxMessage.objects.get(kind="reference_returned")
    assert (letter.recipient, letter.address) == (person, person.email)
    assert returned.email in letter.text
    assert reverse("accounts:affiliations") in letter.text
    readdress(person, returned, now)
    comes_back(Reference.objects.get(pk=returned.pk))
    tick(now + timedelta(minutes=2))
    assert OutboxMessage.objects.filter(kind="reference_returned").count() == 2


def test_one_that_could_not_be_sent_is_as_good_as_returned(person, now):
    reference, _ = make_reference(person, now=now)
    comes_back(reference, "failed")
    assert readdress(person, reference, now).email == "dean@uni.edu"
    assert AuditEvent.objects.filter(type="reference.readdressed").count() == 1


def test_one_that_may_be_read_yet_keeps_its_address(person, now):
    reference, _ = make_reference(person, now=now)
    with pytest.raises(ReferenceClosed):
        readdress(person, reference, now)


def test_others_references_are_not_there(returned, now):
    with pytest.raises(NoSuchReference):
        readdress(make_user(), returned, now)


@pytest.mark.parametrize("email", ["nobody", "head@uni.edu"])
def test_a_wrong_address_is_named(person, returned, now, email):
    with pytest.raises(FieldErrors) as refusal:
        readdress(person, returned, now, email)
    assert list(refusal.value.errors) == ["email"]


def test_ones_own_address_vouches_for_nobody(person, returned, now):
    with pytest.raises(FieldErrors):
        readdress(person, returned, now, person.email)


def test_a_second_bounce_can_be_mended_too_but_not_the_same_day_for_ever(person, returned, now):
    """Each needs a letter that came back, so that nobody's mailbox is filled this way."""
    readdress(person, returned, now)
    with pytest.raises(ReferenceClosed):
        readdress(person, returned, now, "other@uni.edu")


def test_a_program_reads_and_mends_it(client, person):
    reference, _ = make_reference(person, now=timezone.now())
    comes_back(reference)
    headers = {"Authorization": f"Bearer {make_token(person)[1]}"}
    (listed,) = client.get("/api/v1/references/", headers=headers).json()["results"]
    assert (listed["delivery"], listed["delivery_error"]) == ("bounced", REASON)
    client.force_login(person)
    url = f"/api/v1/references/{reference.pk}/address/"
    wrong = client.post(url, {"email": "nobody"}, content_type="application/json")
    assert (wrong.status_code, list(wrong.json()["error"]["fields"])) == (400, ["email"])
    mended = client.post(url, {"email": "dean@uni.edu"}, content_type="application/json")
    assert (mended.status_code, mended.json()["delivery"]) == (200, "queued")
