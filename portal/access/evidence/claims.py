"""Compare the organization, country and sector that a request claims with what is proved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django_countries import countries

from portal.access.evidence.flags import EvidenceFlag, FlagKind
from portal.access.models import AccessRequest
from portal.access.screening.claimed_affiliations import Register, means_one_of, unproved_in
from portal.accounts.models import Organization, Sector
from portal.text.bidi import isolated


def said_organization(access_request: AccessRequest) -> str:
    return access_request.organization_name or str(access_request.draft.get("organization") or "")


def is_unproved(said: str, proved: Sequence[Organization], register: Register) -> bool:
    """Tell whether the words name an organization other than those that are proved."""
    if not (said.strip() and proved):
        return False
    is_another = means_one_of(said, proved, register) is None
    return is_another or unproved_in(said, proved, register)


def claim_flags(
    access_request: AccessRequest, proved: Sequence[Organization], register: Register
) -> Iterator[EvidenceFlag]:
    """Yield a flag for each claim that differs from what is proved. Nothing proved is no flag."""
    if not proved:
        return
    said = said_organization(access_request)
    match = means_one_of(said, proved, register)
    if is_unproved(said, proved, register):
        names = ", ".join(isolated(place.name) for place in dict.fromkeys(proved))
        detail = f"Proved: {names}. Stated: “{isolated(said)}”."
        yield EvidenceFlag(FlagKind.ORGANIZATION, "Proved to work elsewhere than stated", detail)
    places = [match] if match else list(proved)
    yield from _country(access_request, places)
    yield from _sector(access_request, places)


def _country(
    access_request: AccessRequest, places: Sequence[Organization]
) -> Iterator[EvidenceFlag]:
    known = {place.country.code: place for place in places if place.country}
    said = access_request.country or str(access_request.draft.get("country") or "")
    if said and known and said not in known:
        where = ", ".join(
            f"{isolated(place.name)}: {countries.name(code)}" for code, place in known.items()
        )
        detail = f"{where}. Stated: {countries.name(said) or said}."
        yield EvidenceFlag(
            FlagKind.COUNTRY, "The proved organization is in another country", detail
        )


def _sector(
    access_request: AccessRequest, places: Sequence[Organization]
) -> Iterator[EvidenceFlag]:
    known = {place.sector: place for place in places if place.sector}
    said = access_request.sector or str(access_request.draft.get("sector") or "")
    if said and known and said not in known:
        where = ", ".join(
            f"{isolated(place.name)}: {_label(sector)}" for sector, place in known.items()
        )
        detail = f"{where}. Stated: {_label(said)}."
        yield EvidenceFlag(FlagKind.SECTOR, "The proved organization is of another sector", detail)


def _label(sector: str) -> str:
    return str(Sector(sector).label).lower() if sector in Sector.values else sector
