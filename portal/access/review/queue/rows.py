"""Make the rows of the reviewers' queue: of each request what decides in which order to read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch

from portal.access.evidence.assessment import assess
from portal.access.evidence.flags import Assessment, FlagKind
from portal.access.models import AccessRequest, Assignment
from portal.access.requests.form.answers import modes_label, sector_label
from portal.access.review.status import State, is_undecided, reviewer_badge
from portal.access.screening.claimed_affiliations import Workplace, workplace_of
from portal.access.status_badge import StatusBadge
from portal.accounts.models import User
from portal.catalog.models import Mode
from portal.formatting import counted

NEAR = timedelta(days=3)
MODES = {Mode.DOWNLOAD: "download", Mode.INFERENCE: "hosted"}
DUE_GROUPS = {
    "late": "Overdue",
    "near": f"Due within {NEAR.days} days",
    "calm": "Due later",
    "waits": "Paused: the applicant is asked",
}


@dataclass(frozen=True)
class QueueRow:
    """A request in the queue. ``due`` is calm, near, late, waits, or none once it is decided.

    Only what is undecided is assessed: what was decided, was decided on what was known then.
    """

    access_request: AccessRequest
    workplace: Workplace
    sector: str
    modes: str
    modes_short: str
    models: str
    badge: StatusBadge
    due: str
    assignee: str
    is_own: bool = False
    assessment: Assessment | None = None

    @property
    def flags(self) -> list[FlagKind]:
        return self.assessment.kinds if self.assessment else []

    @property
    def is_clear(self) -> bool | None:
        return self.assessment.is_clear if self.assessment else None

    @property
    def proved_count(self) -> int:
        return len(self.assessment.proved) if self.assessment else 0

    @property
    def may_start(self) -> bool:
        """Tell whether it waits for a decision that no colleague has taken upon them."""
        is_theirs = bool(self.assignee) and not self.is_own
        return self.access_request.state == State.IN_REVIEW and not is_theirs

    @property
    def due_group(self) -> str:
        """Return the head under which the row stands where the list is grouped by due date."""
        return DUE_GROUPS.get(self.due, "")


def rows_of(keys: list[int], reviewer: User, now: datetime) -> list[QueueRow]:
    assigned = Assignment.objects.filter(ended_at=None).select_related("reviewer")
    loaded = (
        AccessRequest.objects.filter(pk__in=keys)
        .defer("searched")
        .select_related(
            "repo__namespace", "collection__namespace", "applicant", "appeal", "organization"
        )
        .prefetch_related(Prefetch("assignments", assigned, to_attr="current_assignments"))
    )
    by_key = {access_request.pk: access_request for access_request in loaded}
    undecided = [case for case in by_key.values() if is_undecided(case)]
    assessments = assess(undecided, now, reviewer)
    return [_row(by_key[key], assessments.get(key), reviewer, now) for key in keys if key in by_key]


def _row(
    access_request: AccessRequest, assessment: Assessment | None, reviewer: User, now: datetime
) -> QueueRow:
    draft = access_request.draft
    assignee = _assignee(getattr(access_request, "current_assignments", []), reviewer)
    return QueueRow(
        access_request=access_request,
        workplace=workplace_of(access_request),
        sector=sector_label(access_request.sector or draft.get("sector")),
        modes=modes_label(draft.get("modes")),
        modes_short=_modes_short(draft.get("modes")),
        models=_models(access_request),
        badge=reviewer_badge(access_request),
        due=due_tone(access_request, now),
        assignee=assignee,
        is_own=assignee == "You",
        assessment=assessment,
    )


def _modes_short(modes: object) -> str:
    """Name what is asked for in as few words as a narrow column has room for."""
    asked_modes = modes if isinstance(modes, list) else []
    words = [word for mode, word in MODES.items() if mode in asked_modes]
    return " + ".join(words).capitalize()


def _models(access_request: AccessRequest) -> str:
    """Say of how many models of a collection a request is; "" without a collection."""
    if access_request.collection is None:
        return ""
    number = len(access_request.draft.get("models") or [])
    return f"{access_request.collection.title}: {counted(number, 'model')}"


def _assignee(assignments: Iterable[Assignment], reviewer: User) -> str:
    for assignment in assignments:  # one at most is not ended
        is_own = assignment.reviewer_id == reviewer.pk
        return "You" if is_own else assignment.reviewer.display_name
    return ""


def due_tone(access_request: AccessRequest, now: datetime) -> str:
    """Say how near the due date is; a question to the applicant pauses it."""
    due_at = access_request.due_at
    if due_at is None or not is_undecided(access_request):
        return "none"
    if access_request.state == State.NEEDS_INFO:
        return "waits"
    if due_at < now:
        return "late"
    return "near" if due_at - now <= NEAR else "calm"
