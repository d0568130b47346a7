"""What a case rests on: what is proved, what is only said, and what gives pause."""

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
COUNTED = 1000
METHODS = {
    Affiliation.Method.EMAIL: "Reads mail at {}",
    Affiliation.Method.REFERENCE: "Confirmed by {}",
    Affiliation.Method.REVIEWER: "A reviewer’s word: {}",
}


@dataclass(frozen=True)
class ProvedFact:
    title: str
    detail: str
    at: datetime | None = None


@dataclass(frozen=True)
class EvidenceFlag:
    """Something that a person should look at. ``other``: a request that it leads to."""

    title: str
    detail: str = ""
    other: AccessRequest | None = None


@dataclass(frozen=True)
class OrganizationRecord:
    """What was decided for the same organization on the same model."""

    approved: int
    declined: int
    latest: list[AccessRequest]


def proved(applicant: User, now: datetime) -> list[ProvedFact]:
    """Each with its method and date; no word of the applicant's own is among them."""
    works = [
        ProvedFact(f"Works at {isolated(each.organization.name)}", _method(each), each.proved_at)
        for each in affiliations_of(applicant, now)
    ]
    confirmed = Reference.objects.of(applicant).filter(verdict=Reference.Verdict.CONFIRMED)
    known = [
        ProvedFact(
            f"Known to {isolated(each.name)}",
            f"{isolated(each.relation)}, {each.email}",
            each.answered_at,
        )
        for each in confirmed[:MOST]
    ]
    mail = [
        ProvedFact("Reads mail at " + each, "A letter was answered")
        for each in addresses_of(applicant)
    ]
    return [*works, *known, *mail]


def _method(affiliation: Affiliation) -> str:
    return METHODS[Affiliation.Method(affiliation.method)].format(isolated(affiliation.evidence))


def said(answers: dict[str, Any]) -> list[tuple[str, str]]:
    """What nobody has checked. Words that the answers repeat in full stand there."""
    rows = [
        ("Goes by", answers.get("name", "")),
        ("Position", answers.get("position", "")),
        ("Works at", answers.get("organization", "")),
        ("In", country_name(answers.get("country"))),
        ("Sector", sector_label(answers.get("sector"))),
    ]
    return [(label, str(text)) for label, text in rows if text]


def flags(access_request: AccessRequest, reader: User, now: datetime) -> list[EvidenceFlag]:
    return [
        *_holds(access_request, now),
        *_screening(access_request),
        *_claim(access_request, now),
        *_likenesses(access_request, reader),
        *_addresses(access_request.applicant),
        *_references(access_request.applicant),
    ]


def _holds(access_request: AccessRequest, now: datetime) -> Iterator[EvidenceFlag]:
    applicant, repo = access_request.applicant, access_request.repo
    for each in Hold.objects.on(applicant, repo, None, now)[:MOST]:
        yield EvidenceFlag(f"A hold stands since {whole_date(each.placed_at)}", each.reason)


def _screening(access_request: AccessRequest) -> Iterator[EvidenceFlag]:
    screened = Screening.objects.filter(submission__request=access_request)
    for each in screened.exclude(outcome=Screening.Outcome.CLEAR).order_by("-pk")[:MOST]:
        found = "; ".join(
            f"{isolated(str(hit.get('found')))} is like {isolated(str(hit.get('value')))}"
            for hit in each.hits
        )
        cleared = f"Cleared: {each.disposition}" if each.disposed_at else ""
        yield EvidenceFlag(
            Screening.Outcome(each.outcome).label, " ".join(filter(None, (found, cleared)))
        )


def _claim(access_request: AccessRequest, now: datetime) -> Iterator[EvidenceFlag]:
    proved = [each.organization for each in affiliations_of(access_request.applicant, now)]
    said = access_request.organization_name
    if is_contradicted(said, proved):
        names = ", ".join(isolated(each.name) for each in dict.fromkeys(proved))
        detail = f"Proved: {names}. Said: “{isolated(said)}”."
        yield EvidenceFlag("Where they work is proved otherwise than said", detail)


def _likenesses(access_request: AccessRequest, reader: User) -> Iterator[EvidenceFlag]:
    """Only those that the reader may open."""
    readable = AccessRequest.objects.readable_by(reader)
    links = RequestLink.objects.filter(request=access_request, other__in=readable)
    for each in links.select_related("other__applicant")[:MOST]:
        yield EvidenceFlag("Looks like another request", each.why, each.other)


def _addresses(applicant: User) -> Iterator[EvidenceFlag]:
    address = applicant.letter_address.lower()
    for each in BouncedAddress.objects.filter(address=address, cleared_at=None):
        yield EvidenceFlag("Letters don’t arrive", f"{each.address}: {each.reason}")


def _references(applicant: User) -> Iterator[EvidenceFlag]:
    denied = Reference.objects.of(applicant).filter(verdict=Reference.Verdict.DENIED)
    for each in denied[:MOST]:
        yield EvidenceFlag(
            "A reference said no", f"{isolated(each.name)}, {each.email}: {isolated(each.comment)}"
        )


def organization_record(access_request: AccessRequest, reader: User) -> OrganizationRecord | None:
    """None where the organization stands in no register, so that nothing can be told of it."""
    if access_request.organization_id is None:
        return None
    theirs = AccessRequest.objects.readable_by(reader).filter(
        repo=access_request.repo_id, organization=access_request.organization_id
    )
    decided = theirs.exclude(pk=access_request.pk)
    return OrganizationRecord(
        approved=_count(decided.filter(state=AccessRequest.State.APPROVED)),
        declined=_count(decided.filter(state=AccessRequest.State.DECLINED)),
        latest=list(
            decided.filter(state__in=["approved", "declined"])
            .defer("searched")
            .select_related("applicant")
            .order_by("-closed_at", "-pk")[:MOST]
        ),
    )


def _count(found: QuerySet[AccessRequest]) -> int:
    return found[:COUNTED].count()
