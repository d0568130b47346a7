"""The reviewer's side: ask, approve, decline."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from portal.access.errors import ConflictOfInterest, RequestNotFound
from portal.access.gate_settings import settings_of
from portal.access.letters import decisions, requests
from portal.access.models import AccessRequest, Decision, Grant, Question
from portal.access.services.submission import requestable_modes
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import FieldErrors

State = AccessRequest.State
LONGEST_GRANT = timedelta(days=5 * 366)


def _case(reviewer: User, request_id: int) -> AccessRequest:
    """The request, locked, if this person may review it at all."""
    locked = AccessRequest.objects.select_for_update(of=("self",))
    case = locked.select_related("repo__namespace", "applicant").filter(pk=request_id).first()
    if case is not None and case.applicant_id == reviewer.pk:
        raise ConflictOfInterest
    if case is None or not AccessRequest.objects.readable_by(reviewer).filter(pk=case.pk).exists():
        raise RequestNotFound
    return case


def _check_terms(
    case: AccessRequest, modes: list[str], expires_at: datetime, now: datetime
) -> None:
    errors: dict[str, str] = {}
    offered = {str(mode) for mode in requestable_modes(case.repo)}
    if not modes or not set(modes) <= offered:
        errors["modes"] = f"Choose among {', '.join(sorted(offered))}."
    if not now < expires_at <= now + LONGEST_GRANT:
        errors["until"] = "Choose an end date after today and within five years."
    if errors:
        raise FieldErrors(errors)


@transaction.atomic
def approve_request(
    *, reviewer: User, request_id: int, modes: list[str], expires_at: datetime, now: datetime
) -> Grant:
    """Approve: the grant is active from this moment, under the text that was signed."""
    case = _case(reviewer, request_id)
    case.move_to(State.APPROVED)
    _check_terms(case, modes, expires_at, now)
    submission = case.submissions.latest("number")
    decision = Decision.objects.create(
        request=case,
        submission=submission,
        verdict=Decision.Verdict.APPROVED,
        decided_by=reviewer,
        decided_at=now,
        undo_until=now + timedelta(minutes=settings_of(case.repo).undo_minutes),
    )
    grant = Grant.objects.create(
        repo=case.repo,
        person=case.applicant,
        acceptance=submission.acceptance,
        decision=decision,
        modes=sorted(set(modes)),
        starts_at=now,
        expires_at=expires_at,
    )
    case.closed_at = now
    case.save(update_fields=["state", "closed_at"])
    decisions.send_approval(case, grant, now=now)
    record(EventType.REQUEST_APPROVED, actor=reviewer, target=case, at=now, grant=grant.pk)
    record(
        EventType.GRANT_MADE,
        actor=reviewer,
        target=grant,
        at=now,
        person=case.applicant_id,
        repo=case.repo_id,
        modes=grant.modes,
        expires_at=expires_at.isoformat(),
        licence_sha256=submission.acceptance.text_sha256,
    )
    return grant


@transaction.atomic
def decline_request(
    *, reviewer: User, request_id: int, reason_code: str, reason_text: str, now: datetime
) -> Decision:
    """Decline, with a published reason and words of the team's own."""
    case = _case(reviewer, request_id)
    case.move_to(State.DECLINED)
    errors: dict[str, str] = {}
    if reason_code not in Decision.Reason.values:
        errors["reason_code"] = "Choose the reason that the applicant will see."
    if not reason_text.strip():
        errors["reason_text"] = "Say why in your own words; the applicant reads this."
    if errors:
        raise FieldErrors(errors)
    decision = Decision.objects.create(
        request=case,
        submission=case.submissions.latest("number"),
        verdict=Decision.Verdict.DECLINED,
        reason_code=reason_code,
        reason_text=reason_text.strip(),
        decided_by=reviewer,
        decided_at=now,
        undo_until=now + timedelta(minutes=settings_of(case.repo).undo_minutes),
    )
    case.closed_at = now
    case.save(update_fields=["state", "closed_at"])
    decisions.send_decline(case, decision, now=now)
    record(EventType.REQUEST_DECLINED, actor=reviewer, target=case, at=now, reason_code=reason_code)
    return decision


@transaction.atomic
def ask_question(*, reviewer: User, request_id: int, text: str, now: datetime) -> Question:
    """Ask the applicant one thing; the clock stands until they answer."""
    case = _case(reviewer, request_id)
    case.move_to(State.NEEDS_INFO)
    if not text.strip():
        raise FieldErrors({"text": "Write the question that the applicant is to answer."})
    question = Question.objects.create(
        request=case,
        text=text.strip(),
        asked_by=reviewer,
        asked_at=now,
        deadline_at=now + timedelta(days=settings_of(case.repo).question_days),
    )
    case.save(update_fields=["state"])
    requests.send_question(case, question, now=now)
    record(
        EventType.REQUEST_QUESTION_ASKED, actor=reviewer, target=case, at=now, question=question.pk
    )
    return question
