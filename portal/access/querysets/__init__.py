"""Managers of the gate's rows: who may see which, and which have a status at a moment."""

from portal.access.querysets.grants import (
    CoverageQuerySet,
    GrantQuerySet,
    MembershipQuerySet,
)
from portal.access.querysets.holds import HoldQuerySet
from portal.access.querysets.people import CaseGuestQuerySet, InvitationQuerySet
from portal.access.querysets.requests import (
    UNDECIDED,
    AccessRequestQuerySet,
    DecisionQuerySet,
    QuestionQuerySet,
)
from portal.access.querysets.screenings import ScreeningQuerySet

__all__ = [
    "UNDECIDED",
    "AccessRequestQuerySet",
    "CaseGuestQuerySet",
    "CoverageQuerySet",
    "DecisionQuerySet",
    "GrantQuerySet",
    "HoldQuerySet",
    "InvitationQuerySet",
    "MembershipQuerySet",
    "QuestionQuerySet",
    "ScreeningQuerySet",
]
