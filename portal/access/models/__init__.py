"""Rows of the gate: requests, signatures, votes, decisions, grants, members and holds."""

from portal.access.models.gates import GateSettings, RequestForm, ScreeningEntry
from portal.access.models.grants import Grant, Membership, Renewal
from portal.access.models.holds import HeldBlob, Hold, HoldLift
from portal.access.models.offers import OfferVote
from portal.access.models.requests import (
    AccessRequest,
    Question,
    RequestLink,
    Submission,
)
from portal.access.models.reviews import (
    Appeal,
    Assignment,
    ConflictDeclaration,
    Decision,
    Escalation,
    Note,
    Review,
)
from portal.access.models.screenings import Screening
from portal.access.models.signatures import Acceptance

__all__ = [
    "Acceptance",
    "AccessRequest",
    "Appeal",
    "Assignment",
    "ConflictDeclaration",
    "Decision",
    "Escalation",
    "GateSettings",
    "Grant",
    "HeldBlob",
    "Hold",
    "HoldLift",
    "Membership",
    "Note",
    "OfferVote",
    "Question",
    "Renewal",
    "RequestForm",
    "RequestLink",
    "Review",
    "Screening",
    "ScreeningEntry",
    "Submission",
]
