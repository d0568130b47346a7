"""Collect the evidence on a request: what is proved, what is only stated, and what was decided.

What is suspect is for ``access.evidence``, which assesses it in one way for every reader.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.access.evidence.assessment import counted_affiliations
from portal.access.models import AccessRequest, Screening, Submission
from portal.access.requests.form.answers import country_name, sector_label
from portal.accounts.mailboxes import mailboxes
from portal.accounts.models import Affiliation, Reference, User
from portal.accounts.reference_origins import Origins
from portal.catalog.labs.seats import reviewable_keys
from portal.formatting import digest
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
        for affiliation in counted_affiliations([applicant.pk], now)
    ]
    answers = Reference.objects.of(applicant).filter(verdict=Reference.Verdict.CONFIRMED)
    confirmed = list(answers[:MOST])
    origins = Origins.of(confirmed)
    references = [
        ProvedFact(
            f"Known to {isolated(reference.name)}",
            f"{isolated(reference.relation)}, {reference.email}",
            reference.answered_at,
        )
        for reference in confirmed
        if origins.origin(reference).proves
    ]
    addresses = [
        ProvedFact("Reads mail at " + box.address, "A letter sent there was answered")
        for box in mailboxes(applicant)
    ]
    return [*workplaces, *references, *addresses]


def screening_facts(submission: Submission) -> list[ProvedFact]:
    """Return what the screening of a snapshot shows: none while a hit stands."""
    screening: Screening | None = getattr(submission, "screening", None)
    if screening is None:
        return []
    lists = f"Against the lists {digest(screening.list_version)}"
    if screening.outcome == Screening.Outcome.CLEAR:
        return [ProvedFact("Screened, without a hit", lists, screening.screened_at)]
    if screening.disposed_by is None:
        return []
    by = isolated(screening.disposed_by.display_name)
    words = f"{by}: {isolated(screening.disposition)}"
    return [ProvedFact("Screened, the hit cleared", words, screening.disposed_at)]


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


def organization_record(access_request: AccessRequest, reader: User) -> OrganizationRecord | None:
    """Return the decisions for the applicant's organization, or None if it isn't a known one."""
    if access_request.organization_id is None:
        return None
    is_on_team = access_request.repo_id in reviewable_keys(reader)
    every = AccessRequest.objects.submitted().exclude(applicant=reader)  # what a team reads
    readable = every if is_on_team else AccessRequest.objects.readable_by(reader)
    of_organization = readable.filter(
        repo=access_request.repo_id, organization=access_request.organization_id
    )
    others = of_organization.exclude(pk=access_request.pk)
    decided = others.filter(state__in=["approved", "declined"]).order_by()
    states = Counter(decided.values_list("state", flat=True)[:COUNTED_AT_MOST])
    return OrganizationRecord(
        approved=states[AccessRequest.State.APPROVED],
        declined=states[AccessRequest.State.DECLINED],
        latest=list(
            others.filter(state__in=["approved", "declined"])
            .defer("searched")  # the search index of all answers, which no row shows
            .select_related("applicant")
            .order_by("-closed_at", "-pk")[:MOST]
        ),
    )
