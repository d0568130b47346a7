"""Tell applicants, in their own words, that they claim another place than they proved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.access.evidence.assessment import counted_affiliations
from portal.access.evidence.claims import is_unproved, said_organization
from portal.access.models import AccessRequest
from portal.access.screening.claimed_affiliations import Register
from portal.text.bidi import isolated


@dataclass(frozen=True)
class UnprovedClaim:
    """The organization that an applicant wrote, and the others that they have proved."""

    said: str
    proved: str


def unproved_claim_of(access_request: AccessRequest, now: datetime) -> UnprovedClaim | None:
    """Return the claim that no proof of the applicant bears out; None where one does.

    None too where nothing is proved at all, and once the request is decided: it is only their own
    words beside their own proofs, and says nothing of what reviewers think.
    """
    if not access_request.is_open:
        return None
    proofs = counted_affiliations([access_request.applicant_id], now)
    proved = list(dict.fromkeys(affiliation.organization for affiliation in proofs))
    said = said_organization(access_request)
    if not is_unproved(said, proved, Register.of([said])):
        return None
    return UnprovedClaim(said, ", ".join(isolated(place.name) for place in proved))
