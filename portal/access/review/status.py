"""Say in words and badges where a request is, to its applicant and to its reviewers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.access.grants.status_badges import grant_state
from portal.access.lifecycle import Status, status_of
from portal.access.models import AccessRequest, Decision, Grant, Question
from portal.access.models.requests import QUESTION_ASKED
from portal.access.querysets import DecisionQuerySet
from portal.access.review.history import decisions_of
from portal.access.status_badge import StatusBadge
from portal.database.once import once
from portal.text.languages import Words

State = AccessRequest.State
# The stages of a request.
SUBMITTED, IN_REVIEW, DECISION, ACCESS = _("Submitted"), _("In review"), _("Decision"), _("Access")


FOR_APPLICANT = {
    State.DRAFT: StatusBadge("calm", _("Draft"), "todo"),
    State.HELD: StatusBadge("calm", _("Extra check"), "clock"),
    State.IN_REVIEW: StatusBadge("calm", _("With the reviewers"), "current"),
    State.NEEDS_INFO: StatusBadge("wait", _("Question for you"), "question"),
    State.APPROVED: StatusBadge("yes", _("Approved"), "done"),
    State.DECLINED: StatusBadge("stop", _("Declined"), "declined"),
    State.WITHDRAWN: StatusBadge("calm", _("Withdrawn"), "revoked"),
    State.LAPSED: StatusBadge("calm", _("Lapsed"), "clock"),
}
TITLES = {
    State.DRAFT: _("not submitted yet"),
    State.HELD: _("in an extra check"),
    State.IN_REVIEW: _("with the reviewers"),
    State.NEEDS_INFO: _("a question for you"),
    State.APPROVED: _("approved"),
    State.DECLINED: _("declined"),
    State.WITHDRAWN: _("withdrawn"),
    State.LAPSED: _("lapsed"),
}
FOR_REVIEWER = {
    **FOR_APPLICANT,
    State.NEEDS_INFO: StatusBadge("calm", QUESTION_ASKED, "question"),
}
GRANT_STAGES = {  # in the order of what they ask of the holder
    Status.OFFERED: ("current", _("sign its terms")),
    Status.CHECKED: ("current", _("an extra check")),
    Status.ACTIVE: ("done", _("open")),
    Status.SCHEDULED: ("todo", _("begins later")),
}
NEW = StatusBadge("calm", _("New"), "todo")
ANSWERED = StatusBadge("calm", _("Answered"), "said")


def applicant_badge(access_request: AccessRequest) -> StatusBadge:
    return FOR_APPLICANT[State(access_request.state)]


def reviewer_badge(access_request: AccessRequest) -> StatusBadge:
    if access_request.state == State.IN_REVIEW:
        return ANSWERED if access_request.was_asked else NEW
    return FOR_REVIEWER[State(access_request.state)]


def title(access_request: AccessRequest) -> str:
    return str(TITLES[State(access_request.state)])


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
    if not any(decision.undone_at is None for decision in decisions_of(access_request)):
        return []  # as of each case that waits for a decision
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

    label: Words
    status: str  # done, current, todo, or stopped at the stage where the request ended
    detail: Words = ""
    at: datetime | None = None


def stages(access_request: AccessRequest, grant: Grant | None, now: datetime) -> list[RequestStage]:
    """Return the four stages of a request: submitted, in review, decision, access."""
    state = State(access_request.state)
    if state == State.DRAFT:
        words = (SUBMITTED, IN_REVIEW, DECISION, ACCESS)
        return [
            RequestStage(label, "current" if not at else "todo") for at, label in enumerate(words)
        ]
    return [
        RequestStage(SUBMITTED, "done", at=access_request.submitted_at),
        RequestStage(IN_REVIEW, "current" if is_undecided(access_request) else "done"),
        _decision(access_request, state),
        _access(access_request, grant, now),
    ]


def _decision(access_request: AccessRequest, state: State) -> RequestStage:
    if is_undecided(access_request):
        is_paused = state == State.NEEDS_INFO
        return RequestStage(DECISION, "todo", gettext("clock paused") if is_paused else "due")
    status = "done" if state == State.APPROVED else "stopped"
    return RequestStage(state.label, status, at=access_request.closed_at)


def _access(access_request: AccessRequest, grant: Grant | None, now: datetime) -> RequestStage:
    if grant is None:
        detail = (
            gettext("opens once approved")
            if is_undecided(access_request)
            else gettext("not opened")
        )
        return RequestStage(ACCESS, "todo", detail)
    status = status_of(grant, now)
    if status in GRANT_STAGES:
        return RequestStage(ACCESS, *GRANT_STAGES[status])
    return RequestStage(ACCESS, "stopped", _uncapitalized(str(grant_state(grant, now).text)))


def _uncapitalized(text: str) -> str:
    """Begin a text with a small letter; German writes its nouns with capitals further on."""
    return f"{text[:1].lower()}{text[1:]}"


def told_decision_of(access_request: AccessRequest, now: datetime) -> Decision | None:
    """Return the newest decision that the applicant knows of."""
    return access_request.decisions.told(now).select_related("decided_by").last()
