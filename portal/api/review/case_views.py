"""One case of the reviewers’ queue, and each act on it. Each act tells the new state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from portal.access.models import AccessRequest, Decision, Note, Submission
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.diffs import SnapshotChange, changes_of
from portal.access.review import asking, assignment, notes
from portal.access.review.decisions import deciding
from portal.access.review.decisions.undo import reopen_request, undo_last
from portal.access.review.screening_clearance import dispose_screening
from portal.access.review.timeline import TimelineEvent, timeline_of
from portal.accounts.models import Scope, User
from portal.api.base.fields import ReasonInput, TextInput, conditions_in
from portal.api.base.operations import Call, Operation, listing, operation
from portal.api.requests.serializers import ChangeOutput, EventOutput, SnapshotOutput
from portal.api.review.cases import case_in, case_states, require_may, whole_cases
from portal.api.review.serializers import (
    ApproveInput,
    AssignInput,
    CaseOutput,
    CaseStateOutput,
    DeclareInput,
    DeclineInput,
    NoteInput,
    NoteOutput,
    OverrideInput,
    VouchInput,
)
from portal.errors import FieldErrors

Verdict = Decision.Verdict
APPROVE_EXAMPLE = {"modes": ["download"], "until": "2027-12-31"}
DECLINE_EXAMPLE = {
    "reason_code": "purpose_unclear",
    "reason_text": "Say which question the model is to answer.",
}


def act(
    which: RequestAction, takes: type[Any] | None = None, example: dict[str, Any] | None = None
) -> Callable[[Callable[..., Any]], Operation]:
    """An act of the team on one case; it answers with where the case then stands."""

    def made(run: Callable[..., Any]) -> Operation:
        def acted(call: Call, request_id: int) -> AccessRequest:
            require_may(call, request_id, which)
            run(call, request_id)
            return case_in(call, request_id)

        acted.__name__, acted.__doc__ = run.__name__, run.__doc__
        return operation(
            Scope.REVIEW,
            gives=CaseStateOutput,
            takes=takes,
            prepare=case_states,
            act=which,
            example=example,
        )(acted)

    return made


@operation(Scope.REVIEW, gives=CaseOutput, prepare=whole_cases)
def show_case(call: Call, request_id: int) -> AccessRequest:
    """Everything that a decision needs: answers, evidence, questions, votes, allowed acts."""
    return case_in(call, request_id)


@listing(Scope.REVIEW, EventOutput)
def list_case_events(call: Call, request_id: int) -> list[TimelineEvent]:
    """What happened to a case, newest first."""
    return timeline_of(case_in(call, request_id), reader=call.person)


@listing(Scope.REVIEW, SnapshotOutput)
def list_case_snapshots(call: Call, request_id: int) -> QuerySet[Submission]:
    """Each frozen state of the answers, oldest first."""
    return case_in(call, request_id).submissions.order_by("number")


@listing(Scope.REVIEW, ChangeOutput)
def list_case_differences(call: Call, request_id: int) -> list[SnapshotChange]:
    """Each snapshot after the first with what it changed, newest first."""
    return changes_of(case_in(call, request_id))


@listing(Scope.REVIEW, NoteOutput)
def list_notes(call: Call, request_id: int) -> QuerySet[Note]:
    """What the team wrote for itself, oldest first."""
    return case_in(call, request_id).notes.select_related("author")


@act(RequestAction.CLAIM)
def claim(call: Call, request_id: int) -> None:
    """Take a case that nobody has."""
    assignment.claim_request(reviewer=call.person, request_id=request_id, now=call.now)


@act(RequestAction.RELEASE)
def release(call: Call, request_id: int) -> None:
    """Hand a case back."""
    assignment.release_request(actor=call.person, request_id=request_id, now=call.now)


@act(RequestAction.ASSIGN, AssignInput, {"assignee": "reviewer"})
def assign(call: Call, request_id: int) -> None:
    """Give a case to somebody of the team."""
    assignee = User.objects.filter(username__iexact=call.data["assignee"].strip()).first()
    if assignee is None:
        raise FieldErrors({"assignee": "Choose somebody of this model’s team."})
    assignment.assign_request(
        actor=call.person, request_id=request_id, assignee=assignee, now=call.now
    )


@act(
    RequestAction.DECLARE,
    DeclareInput,
    {"has_conflict": True, "statement": "We wrote a paper together."},
)
def declare_conflict(call: Call, request_id: int) -> None:
    """Say how one stands towards the applicant. A conflict stays declared."""
    notes.declare_conflict(reviewer=call.person, request_id=request_id, now=call.now, **call.data)


@act(RequestAction.NOTE, NoteInput, {"text": "Wrote to their department."})
def write_note(call: Call, request_id: int) -> None:
    """A note that the team alone reads."""
    notes.write_note(
        author=call.person, request_id=request_id, text=call.data["text"], now=call.now
    )


@act(RequestAction.ASK, TextInput, {"text": "Where are the checkpoints stored?"})
def ask(call: Call, request_id: int) -> None:
    """Ask the applicant one thing; the clock stands until they answer."""
    asking.ask_question(
        reviewer=call.person, request_id=request_id, text=call.data["text"], now=call.now
    )


@act(RequestAction.VOTE, ApproveInput, APPROVE_EXAMPLE)
def approve(call: Call, request_id: int) -> None:
    """Vote to approve on these terms; the vote that completes the quorum decides."""
    _approve(call, request_id, is_override=False)


@act(RequestAction.VOTE, DeclineInput, DECLINE_EXAMPLE)
def decline(call: Call, request_id: int) -> None:
    """Vote to decline, with a published reason and words of one's own."""
    _decline(call, request_id, is_override=False)


@act(RequestAction.OVERRIDE, OverrideInput, {"verdict": "approved", **APPROVE_EXAMPLE})
def override(call: Call, request_id: int) -> None:
    """The owner decides alone what was put before them. The record counts it."""
    decide = _approve if call.data["verdict"] == Verdict.APPROVED else _decline
    decide(call, request_id, is_override=True)


def _approve(call: Call, request_id: int, *, is_override: bool) -> None:
    if "until" not in call.data:
        raise FieldErrors({"until": "Choose the day on which the grant ends."})
    deciding.approve_request(
        reviewer=call.person,
        request_id=request_id,
        modes=call.data.get("modes", []),
        expires_at=call.data["until"],
        conditions=conditions_in(call.data.get("conditions")),
        is_override=is_override,
        now=call.now,
    )


def _decline(call: Call, request_id: int, *, is_override: bool) -> None:
    deciding.decline_request(
        reviewer=call.person,
        request_id=request_id,
        reason_code=call.data.get("reason_code", ""),
        reason_text=call.data.get("reason_text", ""),
        is_override=is_override,
        now=call.now,
    )


@act(
    RequestAction.DISPOSE,
    TextInput,
    {"text": "Another person of the same name; the birth year differs."},
)
def dispose(call: Call, request_id: int) -> None:
    """Clear a request that the screening lists held back."""
    dispose_screening(
        actor=call.person, request_id=request_id, text=call.data["text"], now=call.now
    )


@act(RequestAction.UNDO)
def undo(call: Call, request_id: int) -> None:
    """Take the last decision or question back while its letter hasn't left."""
    undo_last(actor=call.person, request_id=request_id, now=call.now)


@act(RequestAction.REOPEN, ReasonInput, {"reason": "The safeguards have changed."})
def reopen(call: Call, request_id: int) -> None:
    """Look at a closed request anew; what was given on it ends, with notice."""
    reopen_request(
        actor=call.person, request_id=request_id, reason=call.data["reason"], now=call.now
    )


@act(
    RequestAction.VOUCH,
    VouchInput,
    {"evidence": "Their page at the university names this address."},
)
def vouch(call: Call, request_id: int) -> None:
    """One's own word that the applicant works where they say."""
    notes.vouch_for_applicant(
        reviewer=call.person, request_id=request_id, evidence=call.data["evidence"], now=call.now
    )
