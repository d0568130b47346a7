"""The clock: for each state of a request, grant or membership who must act, and what follows.

This is the table that ``reminders.tick`` runs by: each timer of the kind TICK is one step of the
tick, DERIVED ones are read from their column by whoever asks, RETENTION's are of the table of what
is kept how long. A state without a row fails a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from portal.access.models import AccessRequest

State = AccessRequest.State

DRAFT_KEPT = timedelta(days=90)
DRAFT_NOTICE = timedelta(days=14)
TO_OWNERS = timedelta(days=7)
QUESTION_REMINDERS = (timedelta(days=7), timedelta(days=1))
AFTER_THE_REMINDER = timedelta(hours=24)
RESUMABLE = timedelta(days=90)
OFFER_REMINDER = timedelta(days=7)
GRANT_REMINDERS = (timedelta(days=60), timedelta(days=30), timedelta(days=7))
CLOSEOUT_REMINDER = timedelta(days=30)
HOLD_REMINDER = timedelta(days=30)
CHECK = timedelta(days=7)  # until a person's word on what the screening lists have is due


class Owner(StrEnum):
    """Whose turn it is. Nobody's, because the state is final."""

    APPLICANT = "applicant"
    TEAM = "team"
    ADMINISTRATORS = "administrators"
    HOLDER = "holder"
    NOBODY = "nobody"


class Place(StrEnum):
    """Where somebody stands under an organization's grant; derived from the membership's times."""

    INVITED = "invited"
    HELD = "held"
    JOINED = "joined"
    ENDED = "ended"


class Kind(StrEnum):
    TICK = "tick"
    DERIVED = "derived"
    RETENTION = "retention"


@dataclass(frozen=True)
class Timer:
    """``name``: of the tick's step. ``letters``: the kinds that it sends."""

    name: str
    counts: str
    then: str
    letters: tuple[str, ...] = ()
    kind: Kind = Kind.TICK


@dataclass(frozen=True)
class Row:
    owner: Owner
    timers: tuple[Timer, ...]


class Standing(StrEnum):
    """What a grant is at a moment; derived from its times and the holds on it."""

    OFFERED = "offered"
    HELD = "held"
    OFFER_LAPSED = "offer_lapsed"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    REVOKED = "revoked"
    CLOSED = "closed"


OVERDUE = Timer(
    "overdue",
    "due_at",
    "the administrators and the assignee see to it, and the applicant is told",
    ("overdue", "overdue_team"),
)
STILL_OVERDUE = Timer(
    "still_overdue",
    "7 days after the first escalation of this due date",
    "the owners are told, and so is the applicant",
    ("overdue_again", "overdue_owners"),
)
STRANDED = Timer(
    "stranded",
    "as soon as fewer than the quorum remain who may decide",
    "the owners are told at once",
    ("stranded",),
)
ERASED = Timer(
    "answers_erased",
    "12 months after closed_at, or 5 years after a grant that rests on them",
    "personal answers are blanked; decision, hashes and signature stay",
    kind=Kind.RETENTION,
)
CHECK_LATE = Timer(
    "check_late",
    "due_at of the check",
    "who administers the repo is reminded that somebody waits",
    ("check_team",),
)
CHECK_STILL_LATE = Timer(
    "check_still_late",
    "7 days after due_at of the check, and after the reminder",
    "the owners are told",
    ("check_team",),
)
GRANT_SCREENED = Timer(
    "grant_screened",
    "a new line of the screening lists",
    "the holder is held against it; a hit opens a check",
    ("standing_check", "check_team"),
)
MEMBER_SCREENED = Timer(
    "member_screened",
    "a new line of the screening lists",
    "the member is held against it; a hit opens a check",
    ("standing_check", "check_team"),
)
UNDECIDED = (OVERDUE, STILL_OVERDUE, STRANDED)

REQUESTS: dict[State, Row] = {
    State.DRAFT: Row(
        Owner.APPLICANT,
        (
            Timer("draft_reminder", "76 days after saved_at", "a reminder", ("draft_reminder",)),
            Timer(
                "draft_removed",
                "90 days after saved_at, and 14 after the reminder went out",
                "the draft is removed",
            ),
        ),
    ),
    State.HELD: Row(Owner.ADMINISTRATORS, UNDECIDED),
    State.IN_REVIEW: Row(Owner.TEAM, UNDECIDED),
    State.NEEDS_INFO: Row(
        Owner.APPLICANT,
        (
            Timer(
                "question_reminder",
                "7 days and 1 day before the question’s deadline_at",
                "a reminder",
                ("question_reminder",),
            ),
            Timer(
                "lapse",
                "deadline_at, and 24 hours after the last reminder was delivered",
                "the request lapses; it may be taken up again for 90 days",
                ("lapse",),
            ),
            Timer(
                "unreachable",
                "deadline_at, where the last reminder bounced or failed",
                "the request stays, and the team is told to reach the applicant another way",
                ("unreachable",),
            ),
            STRANDED,
        ),
    ),
    State.LAPSED: Row(
        Owner.APPLICANT,
        (
            Timer("resumable", "90 days after closed_at", "it is final", kind=Kind.DERIVED),
            ERASED,
        ),
    ),
    State.DECLINED: Row(
        Owner.APPLICANT,
        (
            Timer(
                "appealable",
                "the gate’s appeal_days after closed_at",
                "it is final",
                kind=Kind.DERIVED,
            ),
            ERASED,
        ),
    ),
    State.APPROVED: Row(Owner.NOBODY, (ERASED,)),
    State.WITHDRAWN: Row(Owner.NOBODY, (ERASED,)),
}

GRANTS: dict[Standing, Row] = {
    Standing.OFFERED: Row(
        Owner.HOLDER,
        (
            Timer(
                "offer_reminder",
                "7 days before offer_expires_at",
                "a reminder",
                ("offer_reminder",),
            ),
            Timer("offer_lapsed", "offer_expires_at", "the offer is over", ("offer_lapsed",)),
        ),
    ),
    Standing.HELD: Row(Owner.ADMINISTRATORS, (CHECK_LATE, CHECK_STILL_LATE, GRANT_SCREENED)),
    Standing.OFFER_LAPSED: Row(Owner.NOBODY, (ERASED,)),
    Standing.ACTIVE: Row(
        Owner.HOLDER,
        (
            Timer(
                "grant_reminder",
                "60, 30 and 7 days before expires_at",
                "a reminder that it may be renewed; none where that is under way",
                ("grant_reminder",),
            ),
            GRANT_SCREENED,
            Timer(
                "renewal_overdue",
                "due_at of a renewal that is asked for",
                "the administrators see to it, and the holder is told",
                ("renewal_overdue", "renewal_overdue_team"),
            ),
            Timer(
                "renewal_still_overdue",
                "7 days after due_at of a renewal",
                "the owners are told",
                ("renewal_overdue_owners",),
            ),
        ),
    ),
    Standing.SUSPENDED: Row(
        Owner.ADMINISTRATORS,
        (
            Timer(
                "hold_reminder",
                "every 30 days after placed_at",
                "who administers the repo is asked whether the hold must go on",
                ("hold_reminder",),
            ),
        ),
    ),
    Standing.EXPIRED: Row(
        Owner.HOLDER,
        (
            Timer(
                "grant_ended",
                "expires_at, or ends_by_notice_at where that is earlier",
                "what still binds, and the request for a statement that the copies are gone",
                ("grant_ended",),
            ),
            Timer(
                "closeout_reminder",
                "30 days after the end",
                "the statement is asked for once more",
                ("closeout_reminder",),
            ),
            ERASED,
        ),
    ),
    Standing.REVOKED: Row(Owner.NOBODY, (ERASED,)),
    Standing.CLOSED: Row(Owner.NOBODY, (ERASED,)),
}


MEMBER_UNPROVED = Timer(
    "member_unproved",
    "the moment from which nothing proves that they are of the organization",
    "the membership ends with the tokens that reach the model, and both are told",
)
MEMBER_GONE = Timer("member_gone", "the end of the grant", "it opens nothing", kind=Kind.DERIVED)
MEMBERS: dict[Place, Row] = {
    Place.INVITED: Row(Owner.APPLICANT, (MEMBER_GONE,)),
    Place.HELD: Row(
        Owner.ADMINISTRATORS,
        (
            CHECK_LATE,
            CHECK_STILL_LATE,
            MEMBER_SCREENED,
            MEMBER_UNPROVED,
            MEMBER_GONE,
        ),
    ),
    Place.JOINED: Row(Owner.HOLDER, (MEMBER_SCREENED, MEMBER_UNPROVED, MEMBER_GONE)),
    Place.ENDED: Row(Owner.NOBODY, (MEMBER_GONE,)),
}


def timers() -> list[Timer]:
    """Each once, as the rows first name them."""
    rows = (*REQUESTS.values(), *GRANTS.values(), *MEMBERS.values())
    return list(dict.fromkeys(timer for row in rows for timer in row.timers))
