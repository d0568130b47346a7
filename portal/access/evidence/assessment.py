"""Assess the evidence on requests: one rule, for a case, a list, a bulk decision and the API.

However many requests are assessed at once, the number of queries is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from portal.access.evidence.claims import claim_flags, said_organization
from portal.access.evidence.flags import Assessment, ClaimPart, EvidenceFlag, FlagKind
from portal.access.evidence.history import History, grouped
from portal.access.evidence.references import reference_flags
from portal.access.models import AccessRequest, RequestLink, Screening
from portal.access.screening.claimed_affiliations import Register, means_one_of
from portal.accounts.mailboxes import Mailbox, mailboxes_of
from portal.accounts.models import Affiliation, Organization, Reference, User
from portal.accounts.reference_origins import Origins, answers_behind
from portal.database.once import once
from portal.outbox.models import BouncedAddress
from portal.text.bidi import isolated

MOST = 10


@dataclass(frozen=True)
class Facts:
    """All that the assessment of some requests rests on, read at once."""

    proofs: dict[int, list[Organization]]
    references: dict[int, list[Reference]]
    origins: Origins
    mailboxes: dict[int, list[Mailbox]]
    bounced: dict[str, str]
    """Why mail bounces, by the lowered addresses of those who have proved none."""
    screenings: dict[int, list[Screening]]
    links: dict[int, list[RequestLink]]
    readable: frozenset[int]
    register: Register
    history: History


def assess(
    requests: Iterable[AccessRequest], now: datetime, reader: User | None = None
) -> dict[int, Assessment]:
    """Return the assessment of each request by its key.

    What stands doesn't depend on ``reader``; how much of other models' words it quotes does, and
    for nobody it quotes none.
    """
    cases = list(requests)
    if not cases:
        return {}
    facts = _facts(cases, now, reader)
    return {case.pk: _assessment(case, facts, now) for case in cases}


def assessment_of(
    access_request: AccessRequest, now: datetime, reader: User | None = None
) -> Assessment:
    return assess([access_request], now, reader)[access_request.pk]


def _assessment(case: AccessRequest, facts: Facts, now: datetime) -> Assessment:
    person, said = case.applicant_id, said_organization(case)
    proved = facts.proofs.get(person, [])
    match = means_one_of(said, proved, facts.register)
    claimed = {place.pk for place in [*facts.register.named(said), *([match] if match else [])]}
    flags = [
        *claim_flags(case, proved, facts.register),
        *facts.history.flags(case, claimed | {case.organization_id or 0}, now),
        *_screening(facts.screenings.get(case.pk, [])),
        *_lookalikes(facts.links.get(case.pk, []), facts.readable),
        *reference_flags(facts.references.get(person, []), facts.origins),
        *_bounced(case, facts),
    ]
    order = list(FlagKind)
    return Assessment(
        match or next(iter(proved), None),
        tuple(sorted(flags, key=lambda flag: order.index(flag.kind))),
        tuple(_missing(case, proved, facts)),
        frozenset(_proved_parts(case, match, flags, facts)),
    )


def _proved_parts(
    case: AccessRequest, match: Organization | None, flags: list[EvidenceFlag], facts: Facts
) -> Iterator[ClaimPart]:
    """Yield the parts of the claim that are proved, and that no standing flag speaks against."""
    against = {flag.kind for flag in flags if not flag.settled}
    works_there = match is not None and FlagKind.ORGANIZATION not in against
    if facts.mailboxes.get(case.applicant_id) and FlagKind.BOUNCED not in against:
        yield ClaimPart.ADDRESS
    if works_there:
        yield ClaimPart.ORGANIZATION
    if works_there and not against & {FlagKind.COUNTRY, FlagKind.SECTOR}:
        yield ClaimPart.PLACE
    if case.pk in facts.screenings and FlagKind.SCREENING not in against:
        yield ClaimPart.SCREENING


def _missing(case: AccessRequest, proved: Collection[Organization], facts: Facts) -> Iterator[str]:
    """Yield what would have to be proved beside what flags say."""
    said = said_organization(case).strip()
    if not said:
        yield "The request names no organization."
    elif not proved:
        yield f"Nothing proves that they work at {isolated(said)}."
    if not facts.mailboxes.get(case.applicant_id):
        yield "No address of theirs is proved."
    if case.pk not in facts.screenings:
        yield "They were not screened."


def _screening(screenings: list[Screening]) -> Iterator[EvidenceFlag]:
    """Yield the hits, the newest first; one that is cleared or corrected since is history."""
    for place, screening in enumerate(screenings[:MOST]):
        if screening.outcome == Screening.Outcome.CLEAR:
            continue
        hits = "; ".join(
            f"{isolated(str(hit.get('found')))} is like {isolated(str(hit.get('value')))}"
            for hit in screening.hits
        )
        settled = f"Cleared: {screening.disposition}" if screening.disposed_at else ""
        if not settled and place and screenings[0].is_clear:
            settled = "Newer answers have no such hit."
        title = Screening.Outcome(screening.outcome).label
        yield EvidenceFlag(FlagKind.SCREENING, title, hits, settled=settled)


def _lookalikes(links: list[RequestLink], readable: Collection[int]) -> Iterator[EvidenceFlag]:
    for link in links[:MOST]:
        shown = link.other if link.other_id in readable else None
        yield EvidenceFlag(FlagKind.LOOKALIKE, "Looks like another request", link.why, shown)


def _bounced(case: AccessRequest, facts: Facts) -> Iterator[EvidenceFlag]:
    """Yield a flag where mail reaches none of the applicant's proved addresses."""
    email = case.applicant.email.lower()
    boxes = facts.mailboxes.get(case.applicant_id) or [Mailbox(email, facts.bounced.get(email, ""))]
    if boxes[0].bounced:  # of several, those that mail reaches come first
        detail = f"{boxes[0].address.lower()}: {boxes[0].bounced}"
        yield EvidenceFlag(FlagKind.BOUNCED, "Letters don’t arrive", detail)


def _facts(cases: list[AccessRequest], now: datetime, reader: User | None) -> Facts:
    people = {case.applicant_id for case in cases}
    answered = Reference.objects.filter(
        person__in=people, answered_at__gt=now - timedelta(days=settings.AFFILIATION_DAYS)
    )
    references = list(answered)
    links = list(
        RequestLink.objects.filter(request__in=cases)
        .select_related("other__applicant")
        .defer("other__searched")
    )
    mailboxes = mailboxes_of([case.applicant for case in cases])
    return Facts(
        proofs=_proofs(people, now),
        references=grouped(references, "person_id"),
        origins=Origins.of(references),
        mailboxes=mailboxes,
        bounced=_bounces({case.applicant for case in cases if not mailboxes[case.applicant_id]}),
        screenings=_screenings(cases),
        links=grouped(links, "request_id"),
        readable=_readable(links, reader),
        register=Register.of(map(said_organization, cases)),
        history=History.of(people, reader),
    )


@once(lambda people, now: (frozenset(people), now))
def counted_affiliations(people: Collection[int], now: datetime) -> list[Affiliation]:
    """Return the proofs in force of these people that count, the newest first.

    A reference in a mailbox of the person's own, or at free mail, proves nothing.
    """
    standing = Affiliation.objects.filter(person__in=people).standing_at(now)
    affiliations = list(standing.select_related("organization"))
    answers = answers_behind(affiliations)
    origins = Origins.of(answers.values())
    worthless = {key for key, answer in answers.items() if not origins.origin(answer).proves}
    return [affiliation for affiliation in affiliations if affiliation.pk not in worthless]


def _proofs(people: Collection[int], now: datetime) -> dict[int, list[Organization]]:
    proved: dict[int, list[Organization]] = {}
    for affiliation in counted_affiliations(people, now):
        proved.setdefault(affiliation.person_id, []).append(affiliation.organization)
    return proved


def _bounces(people: Collection[User]) -> dict[str, str]:
    """Return why mail to these people's unproved addresses bounces, by address."""
    if not people:
        return {}
    addresses = {person.email.lower() for person in people}
    bounced = BouncedAddress.objects.filter(address__in=addresses, cleared_at=None)
    return dict(bounced.values_list("address", "reason"))


def _screenings(cases: list[AccessRequest]) -> dict[int, list[Screening]]:
    """Return the screenings of each request, that of its newest snapshot first."""
    rows = Screening.objects.filter(submission__request__in=cases).select_related("submission")
    screenings: dict[int, list[Screening]] = {}
    for screening in rows.order_by("-submission__number", "-pk"):
        if screening.submission is not None:
            screenings.setdefault(screening.submission.request_id, []).append(screening)
    return screenings


def _readable(links: list[RequestLink], reader: User | None) -> frozenset[int]:
    if reader is None or not links:
        return frozenset()
    readable = AccessRequest.objects.readable_by(reader)
    keys = readable.filter(Q(pk__in=[link.other_id for link in links]))
    return frozenset(keys.values_list("pk", flat=True))
