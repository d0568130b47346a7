"""People outside the lab cause a bounded number of letters, by pages and programs alike."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.urls import reverse
from django.utils import timezone

from portal.access.models import Membership
from portal.accounts.sign_in.adapter import AccountAdapter
from portal.outbox.budget import (
    MOST_A_DAY_TO_ONE,
    MOST_UNASKED_AN_HOUR,
    TooManyLetters,
)
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_user
from tests.factories.grants import make_entity_grant
from tests.portal.api.api_calls import in_session
from tests.portal.outbox.mails import queue

pytestmark = pytest.mark.django_db
MOST_AN_HOUR = 15  # instead of 60


@pytest.fixture(autouse=True)
def _fewer(monkeypatch):
    monkeypatch.setattr("portal.outbox.budget.MOST_AN_HOUR", MOST_AN_HOUR)


def cause(now, sender, number: int, address: str = "") -> None:
    for letter in range(number):
        to = address or f"colleague-{letter}@university.example"
        queue(now, f"{sender.pk}-{to}-{letter}", sender=sender, address=to)


class TestOnePerson:
    def test_so_many_an_hour_and_then_when_to_go_on(self, now):
        person = make_user()
        cause(now, person, MOST_AN_HOUR)
        with pytest.raises(TooManyLetters) as refused:
            queue(now + timedelta(minutes=20), "more", sender=person)
        assert refused.value.retry_after_seconds == 40 * 60
        assert "try again in 40 minutes" in refused.value.message

    def test_an_hour_later_there_is_room(self, now):
        person = make_user()
        cause(now, person, MOST_AN_HOUR)
        assert queue(now + timedelta(hours=1), "more", sender=person)

    def test_the_same_letter_again_is_none(self, now):
        person = make_user()
        cause(now, person, MOST_AN_HOUR)
        first = OutboxMessage.objects.earliest("pk")
        assert queue(now, first.key, sender=person) == first

    def test_another_has_their_own(self, now):
        cause(now, make_user(), MOST_AN_HOUR)
        assert queue(now, "other", sender=make_user(), address="else@university.example")


class TestOneAddress:
    def test_all_senders_together(self, now):
        for sender in (make_user(), make_user()):
            cause(now, sender, MOST_A_DAY_TO_ONE // 2, address="stranger@victim.example")
        with pytest.raises(TooManyLetters) as refused:
            queue(now, "more", sender=make_user(), address="Stranger@victim.example")
        assert refused.value.retry_after_seconds == 24 * 3600

    def test_what_the_lab_tells_and_what_is_owed_goes(self, now):
        person = make_user()
        cause(now, person, MOST_A_DAY_TO_ONE, address="stranger@victim.example")
        assert queue(now, "lab", address="stranger@victim.example")
        owed = {"sender": person, "is_owed": True}
        assert queue(now, "owed", address="stranger@victim.example", **owed)

    def test_strangers_letters_stop_without_a_word(self, rf):
        adapter = AccountAdapter(rf.get("/"))
        for _ in range(MOST_UNASKED_AN_HOUR + 3):
            adapter.send_mail("account/email/unknown_account", "x@victim.example", {})
        assert OutboxMessage.objects.count() == MOST_UNASKED_AN_HOUR


class TestEachSurface:
    STRANGER = "stranger@victim.example"

    def test_inviting_and_ending_is_no_way_to_write_to_a_stranger(self, client):
        grant = make_entity_grant()
        client.force_login(grant.person)
        page = reverse("access:members", args=[grant.pk])
        for _ in range(MOST_A_DAY_TO_ONE // 2):
            assert client.post(page, {"email": self.STRANGER}).status_code == 302
            invitation = Membership.objects.latest("pk")
            end = reverse("access:member_end", args=[invitation.pk])
            assert client.post(end, {"reason": "A mistake."}).status_code == 302
        refused = client.post(page, {"email": self.STRANGER})
        assert refused.status_code == 429
        assert int(refused["Retry-After"]) > 0
        assert "Nothing was done" in refused.text
        program = in_session(grant.person)
        answer = program.post(f"grants/{grant.pk}/members", email=self.STRANGER)
        assert (answer.status_code, "Retry-After" in answer) == (429, True)
        assert not Membership.objects.standing().exists()
        assert OutboxMessage.objects.filter(address=self.STRANGER).count() == MOST_A_DAY_TO_ONE

    def test_whoever_is_invited_can_always_be_put_out_again(self, client, now):
        grant = make_entity_grant()
        client.force_login(grant.person)
        page = reverse("access:members", args=[grant.pk])
        client.post(page, {"email": self.STRANGER})
        cause(Membership.objects.get().invited_at, grant.person, MOST_AN_HOUR - 1)
        end = reverse("access:member_end", args=[Membership.objects.get().pk])
        assert client.post(end, {"reason": "A mistake."}).status_code == 302
        assert not Membership.objects.standing().exists()

    def test_an_address_whose_letter_is_refused_is_not_added(self, client):
        person = make_user()
        client.force_login(person)
        cause(timezone.now(), person, MOST_AN_HOUR)
        another = f"{secrets.token_hex(4)}@victim.example"  # none has had a letter just now
        form = {"email": another, "action_add": ""}
        assert client.post(reverse("account_email"), form).status_code == 429
        assert not EmailAddress.objects.filter(email=another).exists()
