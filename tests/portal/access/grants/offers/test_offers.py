"""An offer: exact terms, opened by a signature; it lapses, and may be turned down."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from portal.access.errors import (
    ConflictOfInterest,
    GrantIsOver,
    GrantNotFound,
    LicenceChanged,
    OfferLapsed,
)
from portal.access.grants.offers import accept_offer, decline_offer, offer_grant
from portal.access.policy.conditions import Conditions
from portal.access.policy.policy import Action, Reason, may
from portal.access.requests.approval_terms import LONGEST_GRANT
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors, Forbidden
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer, make_revision
from tests.factories.grants import make_accepted, make_administrator, make_newer_text, make_offer

pytestmark = pytest.mark.django_db


@pytest.fixture
def offer(now):
    return make_offer(modes=("inference",), conditions={"no_logits": True}, now=now)


def accept(offer, now, person=None, **changed):
    person = person or offer.person
    signature = make_signature(person, offer.repo, now=now, **changed)
    return accept_offer(person=person, grant_id=offer.pk, signature=signature, now=now)


def events(name):
    return AuditEvent.objects.filter(type=name)


class TestOffering:
    def offer(self, actor, person, repo, now, **changed):
        terms = {"modes": ["inference"], "expires_at": now + timedelta(days=90), **changed}
        return offer_grant(actor=actor, person_id=person.pk, repo_id=repo.pk, now=now, **terms)

    @pytest.fixture
    def repo(self):
        return make_repo()

    def test_it_names_no_file_that_the_model_lacks(self, repo, now, tmp_path):
        make_revision(repo, tmp_path / "files")
        conditions = Conditions(files=("nosuchfile.bin",))
        with pytest.raises(FieldErrors, match=r"called nosuchfile\.bin"):
            self.offer(make_administrator(repo), make_user(), repo, now, conditions=conditions)

    def test_an_administrator_offers_and_it_opens_nothing_yet(self, repo, now):
        person = make_user()
        offer = self.offer(make_administrator(repo), person, repo, now)
        assert may(person, Action.INFER, repo, now).reason == Reason.OFFERED
        assert offer.offer_expires_at == now + timedelta(days=30)
        assert events("grant.offered").get().data["person"] == person.pk
        assert OutboxMessage.objects.get(kind="offered").recipient == person

    def test_again_changes_nothing(self, repo, now):
        actor, person = make_administrator(repo), make_user()
        assert self.offer(actor, person, repo, now) == self.offer(actor, person, repo, now)

    def test_not_to_oneself_and_by_nobody_else(self, repo, now):
        administrator = make_administrator(repo)
        with pytest.raises(ConflictOfInterest):
            self.offer(administrator, administrator, repo, now)
        with pytest.raises(Forbidden):
            self.offer(make_reviewer(repo), make_user(), repo, now)
        with pytest.raises(GrantNotFound):
            self.offer(make_user(), make_user(), make_repo(private=True), now)

    def test_what_is_missing_is_named(self, repo, now):
        with pytest.raises(FieldErrors) as refused:
            self.offer(make_administrator(repo), make_user(), repo, now, modes=[], expires_at=now)
        assert set(refused.value.errors) == {"modes", "expires_at"}

    def test_for_five_years_at_most_as_an_approval_is(self, repo, now):
        actor, person = make_administrator(repo), make_user()
        with pytest.raises(FieldErrors, match="within five years") as refused:
            self.offer(
                actor, person, repo, now, expires_at=now + LONGEST_GRANT + timedelta(seconds=1)
            )
        assert set(refused.value.errors) == {"expires_at"}
        offer = self.offer(actor, person, repo, now, expires_at=now + LONGEST_GRANT)
        assert offer.expires_at == now + LONGEST_GRANT


class TestAccepting:
    def test_it_opens_nothing_before(self, offer, now):
        permission = may(offer.person, Action.INFER, offer.repo, now)
        assert (permission.allowed, permission.reason) == (False, Reason.OFFERED)
        assert permission.help_url == reverse("access:offer", args=[offer.pk])

    def test_a_signature_begins_it_now_on_its_own_terms(self, offer, now):
        later = now + timedelta(days=3)
        grant = accept(offer, later)
        assert (grant.starts_at, grant.expires_at) == (later, offer.expires_at)
        assert may(offer.person, Action.INFER, offer.repo, later).allowed
        assert may(offer.person, Action.CAPTURE, offer.repo, later).reason == Reason.CONDITION
        assert not may(offer.person, Action.DOWNLOAD, offer.repo, later).allowed
        event = events("grant.activated").get()
        assert event.actor == offer.person
        assert event.data["conditions"] == {"no_logits": True}
        assert event.data["licence_sha256"] == grant.acceptance.text_sha256
        assert events("licence.signed").count() == 1
        letter = OutboxMessage.objects.get(recipient=offer.person)
        assert "no logprobs" in letter.text

    def test_again_changes_nothing(self, offer, now):
        grant = accept(offer, now)
        assert accept(offer, now + timedelta(days=1)).starts_at == grant.starts_at
        assert events("grant.activated").count() == 1

    def test_a_lapsed_one_says_what_to_do(self, offer, now):
        with pytest.raises(OfferLapsed, match="Ask again") as lapsed:
            accept(offer, offer.offer_expires_at)
        assert lapsed.value.help_url.startswith("/requests/new/")
        assert may(offer.person, Action.INFER, offer.repo, offer.offer_expires_at).reason == (
            Reason.NO_REQUEST
        )

    def test_a_text_of_yesterday_is_not_signed(self, offer, now):
        signature = make_signature(offer.person, offer.repo, now=now)
        make_newer_text(now=now)
        with pytest.raises(LicenceChanged):
            accept_offer(person=offer.person, grant_id=offer.pk, signature=signature, now=now)

    def test_what_is_missing_is_named(self, offer, now):
        with pytest.raises(FieldErrors) as refused:
            accept(offer, now, typed_name="Somebody Else", attestations=frozenset())
        assert {"signature.typed_name", "signature.attestations.noncommercial"} <= set(
            refused.value.errors
        )

    def test_it_is_nobody_elses(self, offer, now):
        with pytest.raises(GrantNotFound):
            accept(offer, now, person=make_user())


class TestDeclining:
    def test_it_is_turned_down_with_a_letter(self, offer, now):
        declined = decline_offer(person=offer.person, grant_id=offer.pk, now=now)
        assert declined.closed_at == now
        assert events("grant.offer_declined").count() == 1
        assert OutboxMessage.objects.filter(kind="offer_declined").count() == 1
        with pytest.raises(GrantIsOver):
            accept(offer, now)

    def test_again_changes_nothing(self, offer, now):
        for _ in range(2):
            decline_offer(person=offer.person, grant_id=offer.pk, now=now)
        assert events("grant.offer_declined").count() == 1

    def test_an_accepted_one_is_closed_instead(self, now):
        grant = make_accepted(now=now)
        with pytest.raises(GrantIsOver):
            decline_offer(person=grant.person, grant_id=grant.pk, now=now)

    def test_a_lapsed_one_is_over(self, offer, now):
        with pytest.raises(OfferLapsed):
            decline_offer(person=offer.person, grant_id=offer.pk, now=offer.offer_expires_at)

    def test_it_is_nobody_elses(self, offer, now):
        with pytest.raises(GrantNotFound):
            decline_offer(person=make_user(), grant_id=offer.pk, now=now)
