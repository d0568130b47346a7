"""Look up what was decided about applicants before, at any model of the installation.

A reviewer reads the words of other models only where they review or administer them. Elsewhere
they learn how many there were and of what kind, and no word of another lab.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from portal.access.evidence.flags import EvidenceFlag, FlagKind
from portal.access.lifecycle import end_by_somebody
from portal.access.models import AccessRequest, Grant, Hold, Membership
from portal.accounts.models import Affiliation, User
from portal.catalog.labs.seats import reviewable_keys
from portal.catalog.models import ModelRepo
from portal.formatting import whole_date

MOST = 10  # of a kind on one request; more would bury the rest


@dataclass(frozen=True)
class Reading:
    """A reader's reach beside the request: other requests, and models whose words they read."""

    requests: frozenset[int]
    repos: frozenset[int]


@dataclass(frozen=True)
class History:
    """Earlier decisions on several applicants, from a number of queries that doesn't grow."""

    declined: dict[int, list[AccessRequest]]
    ended: dict[int, list[Grant]]
    holds: list[Hold]
    affiliations: dict[int, list[Affiliation]]
    """All that were ever proved, of the applicants and of those whose grants they worked under."""
    holders: dict[int, set[int]]
    reading: Reading

    @classmethod
    def of(cls, people: Collection[int], reader: User | None) -> History:
        declined = AccessRequest.objects.filter(applicant__in=people, state="declined")
        ended = Grant.objects.filter(person__in=people).ended_by_lab()
        holds = Hold.objects.filter(Q(person__in=people) | Q(organization__isnull=False))
        standing = holds.filter(Q(lifted_at=None) | Q(person__isnull=False))
        refusals = list(declined.defer("searched").select_related("repo__namespace", "applicant"))
        standing_holds = list(standing.select_related("organization", "repo__namespace"))
        holders = _holders(people) if any(hold.organization_id for hold in standing_holds) else {}
        proved = {*people, *(holder for group in holders.values() for holder in group)}
        return cls(
            grouped(refusals, "applicant_id"),
            grouped(ended.select_related("repo__namespace", "decision"), "person_id"),
            standing_holds,
            grouped(Affiliation.objects.filter(person__in=proved), "person_id"),
            holders,
            _reading(reader, refusals),
        )

    def flags(
        self, access_request: AccessRequest, claimed: Collection[int], now: datetime
    ) -> Iterator[EvidenceFlag]:
        """Yield what stands against the applicant; ``claimed``: organizations that they name."""
        yield from self._holds(access_request, claimed, now)
        yield from self._ended(access_request)
        yield from self._declined(access_request)

    def _holds(
        self, access_request: AccessRequest, claimed: Collection[int], now: datetime
    ) -> Iterator[EvidenceFlag]:
        person = access_request.applicant_id
        binding = [hold for hold in self.holds if self._binds(hold, person, claimed, now)]
        for hold in binding[:MOST]:
            words = hold.reason if self._may_read(hold.repo_id, access_request.repo_id) else ""
            placed = f"placed on {whole_date(hold.placed_at)}"
            if hold.lifted_at is not None:
                title = f"A hold was {placed}, and lifted on {whole_date(hold.lifted_at)}"
            elif hold.repo_id in (None, access_request.repo_id):
                title = f"A hold stands, {placed}"
            else:
                title = f"A hold stands at another model, {placed}"
            yield EvidenceFlag(FlagKind.HOLD, title, words)

    def _binds(self, hold: Hold, person: int, claimed: Collection[int], now: datetime) -> bool:
        if hold.organization_id is None:
            return hold.person_id == person
        people = {person, *self.holders.get(person, ())}
        return hold.organization_id in claimed or any(
            affiliation.organization_id == hold.organization_id
            and affiliation.was_standing_since(hold.placed_at, now)
            for key in people
            for affiliation in self.affiliations.get(key, [])
        )

    def _ended(self, access_request: AccessRequest) -> Iterator[EvidenceFlag]:
        elsewhere = 0
        for grant in self.ended.get(access_request.applicant_id, []):
            if grant.decision and grant.decision.request_id == access_request.pk:
                continue
            if not self._may_read(grant.repo_id, access_request.repo_id):
                elsewhere += 1
                continue
            end = end_by_somebody(grant)
            on = f" on {whole_date(end.at)}" if end else ""
            title = f"The lab ended their access to {grant.repo.full_name}{on}"
            yield EvidenceFlag(FlagKind.ENDED, title, grant.revocation_reason)
        if elsewhere:
            one = "A lab ended an access of theirs to another model"
            many = f"Labs ended {elsewhere} accesses of theirs to other models"
            yield EvidenceFlag(FlagKind.ENDED, one if elsewhere == 1 else many)

    def _declined(self, access_request: AccessRequest) -> Iterator[EvidenceFlag]:
        refusals = self.declined.get(access_request.applicant_id, [])
        others = [refusal for refusal in refusals if refusal.pk != access_request.pk]
        readable = [refusal for refusal in others if refusal.pk in self.reading.requests]
        for refusal in readable[:MOST]:
            at = f", {whole_date(refusal.closed_at)}" if refusal.closed_at else ""
            detail = f"For {refusal.repo.full_name}{at}"
            yield EvidenceFlag(FlagKind.DECLINED, "Declined before", detail, refusal)
        if hidden := len(others) - len(readable):
            one = "A request of theirs was declined at a model of another team"
            many = f"{hidden} requests of theirs were declined at models of other teams"
            yield EvidenceFlag(FlagKind.DECLINED, one if hidden == 1 else many)

    def _may_read(self, repo: int | None, here: int) -> bool:
        return repo is None or repo == here or repo in self.reading.repos


def grouped(rows: Iterable[Any], column: str) -> dict[int, list[Any]]:
    """Group rows by the value of one column."""
    groups: dict[int, list[Any]] = {}
    for row in rows:
        groups.setdefault(getattr(row, column), []).append(row)
    return groups


def _holders(people: Collection[int]) -> dict[int, set[int]]:
    """Return those under whose grants people have worked, who bind them by a hold as well."""
    joined = Membership.objects.filter(person__in=people, joined_at__isnull=False)
    holders: dict[int, set[int]] = {}
    for person, holder in joined.values_list("person", "grant__person"):
        if person is not None:
            holders.setdefault(person, set()).add(holder)
    return holders


def _reading(reader: User | None, refusals: Collection[AccessRequest]) -> Reading:
    if reader is None:
        return Reading(frozenset(), frozenset())
    readable = AccessRequest.objects.readable_by(reader)
    keys = readable.filter(pk__in=[refusal.pk for refusal in refusals])
    team = reviewable_keys(reader)
    administered = ModelRepo.objects.administered_by(reader).values_list("pk", flat=True)
    return Reading(
        frozenset(keys.values_list("pk", flat=True)) if refusals else frozenset(),
        frozenset({*team, *administered}),
    )
