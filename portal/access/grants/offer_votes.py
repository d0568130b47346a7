"""Vote on an offer that nobody asked for, where the gate wants more than one vote."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from portal.access.models import OfferVote
from portal.access.policy.conditions import Conditions
from portal.access.policy.conflicts import conflicts_with
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.permissions import Action
from portal.access.policy.policy import may
from portal.access.policy.quotas import SILENT
from portal.access.requests.approval_terms import ApprovalTerms, narrowest_terms
from portal.accounts.models import User
from portal.catalog.models import ModelRepo


def agreed_offer(
    *, voter: User, person: User, repo: ModelRepo, terms: ApprovalTerms, now: datetime
) -> ApprovalTerms | None:
    """Return the terms to offer: those proposed, or the narrowest that enough people voted for.

    Return None while votes are missing; this vote is stored in any case. The caller offers in the
    same transaction and has locked the person, so that two votes at once are both counted. Votes
    that an offer rests on are void afterwards.
    """
    quorum = settings_of(repo).quorum
    if quorum <= 1:
        return terms
    _cast(voter, person, repo, terms, now)
    votes = counted_offer_votes(person, repo, now)
    agreement = (
        narrowest_terms([terms_of(vote) for vote in votes], SILENT)
        if len(votes) >= quorum
        else None
    )
    if agreement is not None:
        _standing(person, repo).update(voided_at=now)
    return agreement


def counted_offer_votes(person: User, repo: ModelRepo, now: datetime) -> list[OfferVote]:
    """List the votes that count: recent, by administrators without a conflict of interest."""
    fresh = now - timedelta(days=settings_of(repo).offer_days)
    standing = _standing(person, repo).filter(cast_at__gt=fresh, expires_at__gt=now)
    votes = list(standing.select_related("voter"))
    conflicts = conflicts_with([vote.voter for vote in votes], person, now)
    return [
        vote
        for vote in votes
        if not conflicts[vote.voter_id]
        and vote.voter.is_active
        and may(vote.voter, Action.ADMINISTER, repo, now).allowed
    ]


@dataclass(frozen=True)
class Proposal:
    """An offer that waits for more votes. ``mine``: whether the reader has voted for it."""

    person: User
    votes: list[OfferVote]
    missing: int
    mine: bool


def proposals_of(repo: ModelRepo, reader: User, now: datetime) -> list[Proposal]:
    """List the offers that wait for more votes at a model, the oldest vote first."""
    waiting = OfferVote.objects.filter(repo=repo, voided_at=None).select_related("person")
    people = {vote.person_id: vote.person for vote in waiting}
    proposals = [_proposal(person, repo, reader, now) for person in people.values()]
    return [proposal for proposal in proposals if proposal.votes]


def _proposal(person: User, repo: ModelRepo, reader: User, now: datetime) -> Proposal:
    votes = counted_offer_votes(person, repo, now)
    missing = max(1, settings_of(repo).quorum - len(votes))
    has_voted = any(vote.voter_id == reader.pk for vote in votes)
    return Proposal(person, votes, missing, mine=has_voted)


def terms_of(vote: OfferVote) -> ApprovalTerms:
    return ApprovalTerms(tuple(vote.modes), vote.expires_at, Conditions.of(vote.conditions))


def _standing(person: User, repo: ModelRepo) -> QuerySet[OfferVote]:
    return OfferVote.objects.filter(person=person, repo=repo, voided_at=None)


def _cast(voter: User, person: User, repo: ModelRepo, terms: ApprovalTerms, now: datetime) -> None:
    _standing(person, repo).filter(voter=voter).update(voided_at=now)
    OfferVote.objects.create(
        repo=repo,
        person=person,
        voter=voter,
        modes=list(terms.modes),
        conditions=terms.conditions.stored(),
        expires_at=terms.expires_at,
        cast_at=now,
    )
