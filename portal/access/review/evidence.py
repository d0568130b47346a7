"""Collect the evidence on a request: what is proved, what is only stated, and what is suspect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from portal.access.models import AccessRequest, Hold, RequestLink, Screening
from portal.access.requests.form.answers import country_name, sector_label
from portal.access.screening.claimed_affiliations import is_contradicted
from portal.accounts.affiliations import addresses_of, affiliations_of
from portal.accounts.models import Affiliation, Reference, User
from portal.formatting import whole_date
from portal.outbox.models import BouncedAddress
from portal.text.bidi import isolated

MOST = 10
COUNTED_AT_MOST = 1000
METHODS = {
    Affiliation.Method.EMAIL: "Reads mail at {}",
    Affiliation.Method.REFERENCE: "Confirmed by {}",
    Affiliation.Method.REVIEWER: "A reviewer’s word: {}",
}


@dataclass(frozen=True)
class ProvedFact:
    """A fact about the applicant that somebody or something other than them confirmed."""

    title: str
    detail: str
    at: datetime | None = None


@dataclass(frozen=True)
class EvidenceFlag:
    """Something that a reviewer should look at; ``other`` is a request that it points to."""

    title: str
    detail: str = ""
    other: AccessRequest | None = None


@dataclass(frozen=True)
class OrganizationRecord:
    """The decisions for the same organization on the same model."""

    approved: int
    declined: int
    latest: list[AccessRequest]


def proved_facts(applicant: User, now: datetime) -> list[ProvedFact]:
    """Return confirmed affiliations, references and addresses, none on the applicant's word."""
    workplaces = [
        ProvedFact(
            f"Works at {isolated(affiliation.organization.name)}",
            _method(affiliation),
            affiliation.proved_at,
        )
        for affiliation in affiliations_of(applicant, now)
    ]
    confirmed = Reference.objects.of(applicant).filter(verdict=Reference.Verdict.CONFIRMED)
    references = [
        ProvedFact(
            f"Known to {isolated(reference.name)}",
            f"{isolated(reference.relation)}, {reference.email}",
            reference.answered_at,
        )
        for reference in confirmed[:MOST]
    ]
    addresses = [
        ProvedFact("Reads mail at " + address, "A letter sent there was answered")
        for address in addresses_of(applicant)
    ]
    return [*workplaces, *references, *addresses]


def _method(affiliation: Affiliation) -> str:
    return METHODS[Affiliation.Method(affiliation.method)].format(isolated(affiliation.evidence))


def stated_facts(answers: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what the answers say about the applicant, which nobody has confirmed."""
    rows = [
        ("Goes by", answers.get("name", "")),
        ("Position", answers.get("position", "")),
        ("Works at", answers.get("organization", "")),
        ("In", country_name(answers.get("country"))),
        ("Sector", sector_label(answers.get("sector"))),
    ]
    return [(label, str(text)) for label, text in rows if text]


def evidence_flags(
    access_request: AccessRequest, reader: User, now: datetime
) -> list[EvidenceFlag]:
    """Return everything about the request that a reviewer should look at before voting."""
    return [
        *_holds(access_request, now),
        *_screening(access_request),
        *_contradiction(access_request, now),
        *_lookalikes(access_request, reader),
        *_addresses(access_request.applicant),
        *_references(access_request.applicant),
    ]


def _holds(access_request: AccessRequest, now: datetime) -> Iterator[EvidenceFlag]:
    applicant, repo = access_request.applicant, access_request.repo
    for hold in Hold.objects.on(applicant, repo, None, now)[:MOST]:
        yield EvidenceFlag(f"A hold stands, placed on {whole_date(hold.placed_at)}", hold.reason)


def _screening(access_request: AccessRequest) -> Iterator[EvidenceFlag]:
    screenings = Screening.objects.filter(submission__request=access_request)
    for screening in screenings.exclude(outcome=Screening.Outcome.CLEAR).order_by("-pk")[:MOST]:
        hits = "; ".join(
            f"{isolated(str(hit.get('found')))} is like {isolated(str(hit.get('value')))}"
            for hit in screening.hits
        )
        cleared = f"Cleared: {screening.disposition}" if screening.disposed_at else ""
        title = Screening.Outcome(screening.outcome).label
        yield EvidenceFlag(title, " ".join(filter(None, (hits, cleared))))


def _contradiction(access_request: AccessRequest, now: datetime) -> Iterator[EvidenceFlag]:
    affiliations = affiliations_of(access_request.applicant, now)
    proved = [affiliation.organization for affiliation in affiliations]
    stated = access_request.organization_name
    if is_contradicted(stated, proved):
        names = ", ".join(isolated(place.name) for place in dict.fromkeys(proved))
        detail = f"Proved: {names}. Stated: “{isolated(stated)}”."
        yield EvidenceFlag("Proved to work elsewhere than stated", detail)


def _lookalikes(access_request: AccessRequest, reader: User) -> Iterator[EvidenceFlag]:
    """Yield look-alike requests, but only those that the reader may open."""
    readable = AccessRequest.objects.readable_by(reader)
    links = RequestLink.objects.filter(request=access_request, other__in=readable)
    for link in links.select_related("other__applicant")[:MOST]:
        yield EvidenceFlag("Looks like another request", link.why, link.other)


def _addresses(applicant: User) -> Iterator[EvidenceFlag]:
    address = applicant.letter_address.lower()
    for bounced in BouncedAddress.objects.filter(address=address, cleared_at=None):
        yield EvidenceFlag("Letters don’t arrive", f"{bounced.address}: {bounced.reason}")


def _references(applicant: User) -> Iterator[EvidenceFlag]:
    denied = Reference.objects.of(applicant).filter(verdict=Reference.Verdict.DENIED)
    for reference in denied[:MOST]:
        detail = f"{isolated(reference.name)}, {reference.email}: {isolated(reference.comment)}"
        yield EvidenceFlag("A reference said no", detail)


def organization_record(access_request: AccessRequest, reader: User) -> OrganizationRecord | None:
    """Return the decisions for the applicant's organization, or None if it isn't a known one."""
    if access_request.organization_id is None:
        return None
    of_organization = AccessRequest.objects.readable_by(reader).filter(
        repo=access_request.repo_id, organization=access_request.organization_id
    )
    others = of_organization.exclude(pk=access_request.pk)
    return OrganizationRecord(
        approved=_count(others.filter(state=AccessRequest.State.APPROVED)),
        declined=_count(others.filter(state=AccessRequest.State.DECLINED)),
        latest=list(
            others.filter(state__in=["approved", "declined"])
            .defer("searched")  # the search index of all answers, which no row shows
            .select_related("applicant")
            .order_by("-closed_at", "-pk")[:MOST]
        ),
    )


def _count(requests: QuerySet[AccessRequest]) -> int:
    return requests[:COUNTED_AT_MOST].count()
