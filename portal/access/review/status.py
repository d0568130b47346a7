"""Say in words and badges where a request is, to its applicant and to its reviewers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.access.grants.status_badges import grant_state
from portal.access.lifecycle import Status, status_of
from portal.access.models import AccessRequest, Decision, Grant, Question
from portal.access.models.requests import QUESTION_ASKED
from portal.access.querysets import DecisionQuerySet
from portal.access.status_badge import StatusBadge
from portal.database.once import once

State = AccessRequest.State


FOR_APPLICANT = {
    State.DRAFT: StatusBadge("calm", "Draft", "todo"),
    State.HELD: StatusBadge("calm", "Extra check", "clock"),
    State.IN_REVIEW: StatusBadge("calm", "With the reviewers", "current"),
    State.NEEDS_INFO: StatusBadge("wait", "Question for you", "question"),
    State.APPROVED: StatusBadge("yes", "Approved", "done"),
    State.DECLINED: StatusBadge("stop", "Declined", "declined"),
    State.WITHDRAWN: StatusBadge("calm", "Withdrawn", "revoked"),
    State.LAPSED: StatusBadge("calm", "Lapsed", "clock"),
}
TITLES = {
    State.DRAFT: "not submitted yet",
    State.HELD: "in an extra check",
    State.IN_REVIEW: "with the reviewers",
    State.NEEDS_INFO: "a question for you",
    State.APPROVED: "approved",
    State.DECLINED: "declined",
    State.WITHDRAWN: "withdrawn",
    State.LAPSED: "lapsed",
}
FOR_REVIEWER = {
    **FOR_APPLICANT,
    State.NEEDS_INFO: StatusBadge("calm", QUESTION_ASKED, "question"),
}
GRANT_STAGES = {  # in the order of what they ask of the holder
    Status.OFFERED: ("current", "sign its terms"),
    Status.CHECKED: ("current", "an extra check"),
    Status.ACTIVE: ("done", "open"),
    Status.SCHEDULED: ("todo", "begins later"),
}
NEW = StatusBadge("calm", "New", "todo")
ANSWERED = StatusBadge("calm", "Answered", "said")


def applicant_badge(access_request: AccessRequest) -> StatusBadge:
    return FOR_APPLICANT[State(access_request.state)]


def reviewer_badge(access_request: AccessRequest) -> StatusBadge:
    if access_request.state == State.IN_REVIEW:
        return ANSWERED if access_request.was_asked else NEW
    return FOR_REVIEWER[State(access_request.state)]


def title(access_request: AccessRequest) -> str:
    return TITLES[State(access_request.state)]


def is_draft(access_request: AccessRequest) -> bool:
    return access_request.state == State.DRAFT


def is_undecided(access_request: AccessRequest) -> bool:
    return access_request.state in AccessRequest.UNDECIDED_STATES


def is_decidable(access_request: AccessRequest) -> bool:
    """Tell whether a decision can come next: a held request can still be declined."""
    next_states = AccessRequest.TRANSITIONS.get(State(access_request.state), set())
    return not next_states.isdisjoint({State.APPROVED, State.DECLINED})


def awaits_decision(access_request: AccessRequest) -> bool:
    return access_request.state == State.IN_REVIEW


def told_question_of(access_request: AccessRequest, now: datetime) -> Question | None:
    """Return the open question that the applicant knows of."""
    return access_request.questions.open().told(now).first()


def waiting_time(access_request: AccessRequest) -> timedelta:
    """Return how long the team waited for answers; the due date moved by as much."""
    questions = access_request.questions.all()
    waits = [
        question.answered_at - question.asked_at for question in questions if question.answered_at
    ]
    return sum(waits, timedelta())


@once(lambda access_request: access_request.pk)
def grants_of(access_request: AccessRequest) -> list[Grant]:
    """Return the grants and offers of the newest decision; an undone decision gave none.

    There is one for each licence of the models that were given.
    """
    return _newest_grants(access_request.decisions.standing())


def told_grants_of(access_request: AccessRequest, now: datetime) -> list[Grant]:
    """Return the grants and offers of the newest decision that the applicant knows of."""
    return _newest_grants(access_request.decisions.told(now))


def _newest_grants(decisions: DecisionQuerySet[Decision]) -> list[Grant]:
    related = ("acceptance__licence_version__licence", "repo__namespace", "collection__namespace")
    rows = Grant.objects.filter(decision__in=decisions).select_related(*related)
    grants = list(rows.order_by("-decision__decided_at", "-decision", "pk"))
    return [grant for grant in grants if grant.decision_id == grants[0].decision_id]


def most_urgent(grants: Sequence[Grant], now: datetime) -> Grant | None:
    """Return the grant that asks most of its holder: to sign, to wait for a check, or to use it."""
    order = {status: at for at, status in enumerate(GRANT_STAGES)}
    ranked = sorted(grants, key=lambda grant: order.get(status_of(grant, now), len(order)))
    return ranked[0] if ranked else None


@dataclass(frozen=True)
class RequestStage:
    """One of the four stages of a request, as the bar above its page shows it."""

    label: str
    status: str  # done, current, todo, or stopped at the stage where the request ended
    detail: str = ""
    at: datetime | None = None


def stages(access_request: AccessRequest, grant: Grant | None, now: datetime) -> list[RequestStage]:
    """Return the four stages of a request: submitted, in review, decision, access."""
    state = State(access_request.state)
    if state == State.DRAFT:
        words = ("Submitted", "In review", "Decision", "Access")
        return [
            RequestStage(label, "current" if not at else "todo") for at, label in enumerate(words)
        ]
    return [
        RequestStage("Submitted", "done", at=access_request.submitted_at),
        RequestStage("In review", "current" if is_undecided(access_request) else "done"),
        _decision(access_request, state),
        _access(access_request, grant, now),
    ]


def _decision(access_request: AccessRequest, state: State) -> RequestStage:
    if is_undecided(access_request):
        is_paused = state == State.NEEDS_INFO
        return RequestStage("Decision", "todo", "clock paused" if is_paused else "due")
    status = "done" if state == State.APPROVED else "stopped"
    return RequestStage(state.label, status, at=access_request.closed_at)


def _access(access_request: AccessRequest, grant: Grant | None, now: datetime) -> RequestStage:
    if grant is None:
        detail = "opens once approved" if is_undecided(access_request) else "not opened"
        return RequestStage("Access", "todo", detail)
    status = status_of(grant, now)
    if status in GRANT_STAGES:
        return RequestStage("Access", *GRANT_STAGES[status])
    return RequestStage("Access", "stopped", grant_state(grant, now).text.lower())


def told_decision_of(access_request: AccessRequest, now: datetime) -> Decision | None:
    """Return the newest decision that the applicant knows of."""
    return access_request.decisions.told(now).select_related("decided_by").last()
