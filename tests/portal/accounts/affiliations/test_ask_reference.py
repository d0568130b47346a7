"""Somebody is asked by mail; only their letter holds the secret."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.accounts.errors import AddressNeeded, NoSuchReference, ReferenceClosed
from portal.accounts.models import Reference
from portal.accounts.services.references import (
    answer_reference,
    cancel_reference,
    reference_asked,
    resend_reference,
)
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_user
from tests.factories.affiliations import give_address, make_organization
from tests.factories.references import make_reference, secret_in_mail

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_the_letter_alone_holds_the_secret(now):
    person = make_user()
    reference, secret = make_reference(person, now=now)
    mail = OutboxMessage.objects.get(kind="reference")
    assert (mail.address, mail.is_secret, mail.recipient) == ("head@uni.edu", True, None)
    assert reference.expires_at == now + timedelta(days=21)
    assert secret not in str(list(Reference.objects.values()))
    event = AuditEvent.objects.get(type="reference.asked")
    assert secret not in str(event.data)
    assert "head@uni.edu" not in str(event.data)


def test_a_listed_organization_is_kept_by_its_row(now):
    university = make_organization("uni.edu", name="University of Tests")
    reference, _ = make_reference(
        make_user(), now=now, organization_id=university.pk, organization_name=""
    )
    assert (reference.organization, reference.organization_name) == (
        university,
        "University of Tests",
    )


@pytest.mark.parametrize("field", ["name", "relation", "organization_name", "email"])
def test_what_is_missing_is_named(now, field):
    with pytest.raises(FieldErrors) as refused:
        make_reference(make_user(), now=now, **{field: " "})
    assert set(refused.value.errors) == {field}


@pytest.mark.parametrize("field", ["name", "relation", "organization_name"])
@pytest.mark.parametrize("text", ["see https://spam.example", "go to www.spam.example", "x" * 301])
def test_our_letters_carry_no_links_and_no_novels(now, field, text):
    with pytest.raises(FieldErrors):
        make_reference(make_user(), now=now, **{field: text})
    assert not OutboxMessage.objects.filter(kind="reference").exists()


@pytest.mark.parametrize("email", ["me@uni.edu", "ME@uni.edu", "me+friend@uni.edu", "new@uni.edu"])
def test_nobody_is_their_own_reference(now, email):
    person = make_user()
    give_address(person, "me@uni.edu")
    give_address(person, "new@uni.edu", verified=False)
    with pytest.raises(FieldErrors) as refused:
        make_reference(person, now=now, email=email)
    assert "your own" in refused.value.errors["email"]


def test_an_address_is_no_longer_than_mail_takes(now):
    with pytest.raises(FieldErrors) as refused:
        make_reference(make_user(), now=now, email=f"head@{'sub.' * 70}uni.edu")
    assert set(refused.value.errors) == {"email"}


def test_without_a_proved_address_nobody_is_asked(now):
    with pytest.raises(AddressNeeded):
        make_reference(make_user(verified=False), now=now)


def test_an_address_is_asked_once_at_a_time(now):
    person = make_user()
    make_reference(person, now=now)
    with pytest.raises(FieldErrors):
        make_reference(person, now=now, email="HEAD@uni.edu")
    make_reference(make_user(), now=now)


def test_a_question_that_ran_out_makes_room(now):
    person = make_user()
    old, _ = make_reference(person, now=now)
    make_reference(person, now=now + timedelta(days=21))
    old.refresh_from_db()
    assert old.cancelled_at


def test_three_are_asked_a_day_at_most(now):
    person = make_user()
    for number in range(3):
        make_reference(person, now=now, email=f"{number}@uni.edu")
    with pytest.raises(FieldErrors):
        make_reference(person, now=now + timedelta(hours=23), email="3@uni.edu")
    make_reference(person, now=now + DAY, email="3@uni.edu")


def test_taking_questions_back_makes_no_room_for_more(now):
    person = make_user()
    for number in range(3):
        reference, _ = make_reference(person, now=now, email=f"{number}@uni.edu")
        cancel_reference(person=person, reference_id=reference.pk, now=now)
    with pytest.raises(FieldErrors):
        make_reference(person, now=now, email="3@uni.edu")


def test_who_answered_no_is_not_asked_again(now):
    person = make_user()
    _, secret = make_reference(person, now=now)
    answer_reference(secret=secret, verdict="denied", comment="", now=now)
    with pytest.raises(FieldErrors):
        make_reference(person, now=now + timedelta(days=30))


def test_sending_again_makes_a_new_link_and_ends_the_old(now):
    person = make_user()
    reference, old = make_reference(person, now=now)
    resend_reference(person=person, reference_id=reference.pk, now=now + DAY)
    new = secret_in_mail(reference)
    assert new != old
    assert reference_asked(new, now=now + timedelta(days=21)) == reference
    with pytest.raises(NoSuchReference):
        reference_asked(old, now=now + DAY)
    assert AuditEvent.objects.filter(type="reference.sent_again").count() == 1


@pytest.mark.parametrize("after", [timedelta(hours=23), timedelta(days=91)])
def test_sending_again_is_neither_at_once_nor_for_ever(now, after):
    person = make_user()
    reference, _ = make_reference(person, now=now)
    with pytest.raises(ReferenceClosed):
        resend_reference(person=person, reference_id=reference.pk, now=now + after)


def test_a_question_taken_back_is_open_to_none(now):
    person = make_user()
    reference, secret = make_reference(person, now=now)
    cancel_reference(person=person, reference_id=reference.pk, now=now)
    with pytest.raises(ReferenceClosed):
        answer_reference(secret=secret, verdict="confirmed", comment="", now=now)
    with pytest.raises(ReferenceClosed):
        cancel_reference(person=person, reference_id=reference.pk, now=now)
    assert AuditEvent.objects.filter(type="reference.cancelled").count() == 1


@pytest.mark.parametrize("act", [resend_reference, cancel_reference])
def test_another_persons_question_is_out_of_reach(now, act):
    reference, _ = make_reference(make_user(), now=now)
    with pytest.raises(NoSuchReference):
        act(person=make_user(), reference_id=reference.pk, now=now + DAY)
