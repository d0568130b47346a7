"""An offer that nobody asked for is made by as many votes as the gate wants."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access.errors import ConflictOfInterest, HoldStands
from portal.access.grants.offers import offer_grant
from portal.access.models import Grant, OfferVote
from portal.access.review.hub.decisions import grant_access
from portal.audit.models import AuditEvent
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import (
    make_administrator,
    make_entity_grant,
    make_gate,
    make_hold,
    make_member,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo():
    repo = make_repo()
    make_gate(repo, quorum=2)
    return repo


def vote(actor, person, repo, now, **changed):
    terms = {"modes": ["inference"], "expires_at": now + timedelta(days=90), **changed}
    return offer_grant(actor=actor, person_id=person.pk, repo_id=repo.pk, now=now, **terms)


def test_one_vote_offers_nothing_and_is_kept(repo, now):
    actor, person = make_administrator(repo), make_user()
    for _ in range(2):
        assert vote(actor, person, repo, now) is None
    assert not Grant.objects.exists()
    assert OfferVote.objects.filter(voided_at=None).get().voter == actor
    assert AuditEvent.objects.filter(type="grant.offer_voted").count() == 2


def test_the_second_offers_on_the_narrowest_terms(repo, now):
    one, two, person = make_administrator(repo), make_administrator(repo), make_user()
    vote(one, person, repo, now, modes=["inference", "download"])
    offer = vote(two, person, repo, now, expires_at=now + timedelta(days=30))
    assert (offer.modes, offer.expires_at) == (["inference"], now + timedelta(days=30))
    assert not OfferVote.objects.filter(voided_at=None).exists()


def test_who_may_offer_no_more_does_not_count(repo, now):
    one, two, person = make_administrator(repo), make_administrator(repo), make_user()
    vote(one, person, repo, now)
    repo.team.filter(user=one).delete()
    assert vote(two, person, repo, now) is None


def test_an_old_vote_does_not_count(repo, now):
    one, two, person = make_administrator(repo), make_administrator(repo), make_user()
    vote(one, person, repo, now - timedelta(days=31))
    assert vote(two, person, repo, now) is None


def test_by_the_hubs_word_too(repo, now):
    one, two, person = make_administrator(repo), make_administrator(repo), make_user()
    assert not grant_access(actor=one, repo=repo, user=person, now=now)
    assert grant_access(actor=two, repo=repo, user=person, now=now)


def test_a_colleague_sees_it_and_votes_on_the_page(repo, client):
    one, two, person = make_administrator(repo), make_administrator(repo), make_user()
    vote(one, person, repo, timezone.now())
    page = f"/grants/of/{repo.full_name}"
    client.force_login(one)
    assert "A colleague’s vote completes it" in client.get(page).text
    client.force_login(make_reviewer(repo))
    assert "Offers waiting for votes" not in client.get(page).text
    client.force_login(two)
    assert "Vote for this offer" in client.get(page).text
    assert client.post(f"{page}/offers", {"user": "nobody"}).status_code == 404
    done = client.post(f"{page}/offers", {"user": person.username}, follow=True)
    assert "The offer is made." in done.text
    assert Grant.objects.get(person=person).is_offer


def test_nobody_offers_in_a_conflict_of_interest(now):
    grant = make_entity_grant(now=now)
    colleague = make_member(grant, now=now).person
    repo = make_repo()
    repo.team.create(user=colleague, role="administrator")
    with pytest.raises(ConflictOfInterest):
        vote(colleague, grant.person, repo, now)


def test_nothing_is_offered_past_a_hold(now):
    repo, person = make_repo(), make_user()
    make_hold(person, repo, now=now)
    with pytest.raises(HoldStands):
        vote(make_administrator(repo), person, repo, now)
