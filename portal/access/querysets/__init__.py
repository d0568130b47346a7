"""Managers of the gate's rows: who may see which, and which have a status at a moment."""

from portal.access.querysets.grants import GrantQuerySet, MembershipQuerySet
from portal.access.querysets.holds import HoldQuerySet
from portal.access.querysets.requests import UNDECIDED, AccessRequestQuerySet, QuestionQuerySet
from portal.access.querysets.screenings import ScreeningQuerySet

__all__ = [
    "UNDECIDED",
    "AccessRequestQuerySet",
    "GrantQuerySet",
    "HoldQuerySet",
    "MembershipQuerySet",
    "QuestionQuerySet",
    "ScreeningQuerySet",
]
