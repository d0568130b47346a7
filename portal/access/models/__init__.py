"""Rows of the gate: requests, signatures, votes, decisions, grants, members and holds."""

from portal.access.models.coverage import Coverage
from portal.access.models.gates import GateSettings, RequestForm, ScreeningEntry
from portal.access.models.grants import Grant, Membership, Renewal
from portal.access.models.holds import HeldBlob, Hold, HoldLift
from portal.access.models.notifications import (
    DigestItem,
    Frequency,
    NotificationChoice,
    TeamEvent,
)
from portal.access.models.offers import OfferVote
from portal.access.models.people import CaseGuest, Invitation
from portal.access.models.questions import Question
from portal.access.models.requests import AccessRequest, RequestLink, Submission, snapshots_of
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
from portal.access.models.suspensions import AccessSuspension

__all__ = [
    "Acceptance",
    "AccessRequest",
    "AccessSuspension",
    "Appeal",
    "Assignment",
    "CaseGuest",
    "ConflictDeclaration",
    "Coverage",
    "Decision",
    "DigestItem",
    "Escalation",
    "Frequency",
    "GateSettings",
    "Grant",
    "HeldBlob",
    "Hold",
    "HoldLift",
    "Invitation",
    "Membership",
    "Note",
    "NotificationChoice",
    "OfferVote",
    "Question",
    "Renewal",
    "RequestForm",
    "RequestLink",
    "Review",
    "Screening",
    "ScreeningEntry",
    "Submission",
    "TeamEvent",
    "snapshots_of",
]
