"""The applicant's side: draft, submit and sign, answer, withdraw."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django_countries import countries

from portal.access.errors import (
    AlreadyGranted,
    EmailNotVerified,
    NotSigned,
    RequestHasMovedOn,
    RequestNotFound,
)
from portal.access.letters import requests as letters
from portal.access.models import AccessRequest, Grant, Question, Submission
from portal.access.services.signing import Signature, licence_in_force, store_acceptance
from portal.accounts.models import Sector, User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import Gate, Mode, ModelRepo
from portal.errors import Conflict, FieldErrors

State = AccessRequest.State

REQUIRED_ANSWERS = {
    "name": "Give the name you sign with.",
    "organization": "Name the organization you work at, or say that you work alone.",
    "country": "Choose the country you work in.",
    "sector": "Choose the sector you work in.",
    "purpose": "Say what question you want to answer.",
    "outputs": "Say what you intend to publish or release.",
    "modes": "Choose at least one kind of access that this model offers.",
    "compute": "Say what compute you have, even if it is none.",
}


def _own_request(applicant: User, request_id: int) -> AccessRequest:
    """The applicant's request, locked until the transaction ends."""
    locked = AccessRequest.objects.select_for_update(of=("self",))
    found = (
        locked.select_related("repo__namespace", "applicant")
        .of(applicant)
        .filter(pk=request_id)
        .first()
    )
    if found is None:
        raise RequestNotFound
    return found


def _require_state(access_request: AccessRequest, state: AccessRequest.State) -> None:
    """Two states lead into review, and each use case begins in one of them."""
    if access_request.state != state:
        raise RequestHasMovedOn(access_request.reference, access_request.get_state_display())


def requestable_modes(repo: ModelRepo) -> list[Mode]:
    """The modes of a repo that are decided by people."""
    return [mode for mode in Mode if repo.gate(mode) == Gate.REVIEW]


@transaction.atomic
def start_draft(*, applicant: User, repo_id: int, now: datetime) -> AccessRequest:
    """The applicant's open request for this repo; a new draft where there is none."""
    User.objects.select_for_update().get(pk=applicant.pk)  # two tabs make one draft
    repo = ModelRepo.objects.with_names().get(pk=repo_id)
    existing = AccessRequest.objects.of(applicant).open().filter(repo=repo).first()
    if existing:
        return existing
    if not repo.takes_requests:
        raise Conflict("This model needs no request. Its page says how to get it.")
    active = Grant.objects.to(applicant, repo).active_at(now).first()
    if active and set(requestable_modes(repo)) <= set(active.modes):
        raise AlreadyGranted("You already have access to this model; its page says how to use it.")
    previous = AccessRequest.objects.of(applicant).filter(repo=repo).first()
    return AccessRequest.objects.create(
        repo=repo,
        applicant=applicant,
        draft={"name": applicant.name, **(_answers_alone(previous.draft) if previous else {})},
        created_at=now,
        saved_at=now,
    )


def _answers_alone(draft: dict[str, Any]) -> dict[str, Any]:
    """Without the signature: an Acceptance keeps it, and a new draft wants a new one."""
    return {name: value for name, value in draft.items() if name != "signature"}


@transaction.atomic
def save_draft(
    *, applicant: User, request_id: int, answers: dict[str, Any], now: datetime
) -> AccessRequest:
    """Keep what was typed, right or wrong; submitting checks it."""
    access_request = _own_request(applicant, request_id)
    if access_request.state != State.DRAFT:
        raise Conflict("This request is already submitted; its answers stand. See its page.")
    access_request.draft = {**access_request.draft, **answers}
    access_request.saved_at = now
    access_request.save(update_fields=["draft", "saved_at"])
    return access_request


def answer_errors(answers: dict[str, Any], repo: ModelRepo) -> dict[str, str]:
    """What is missing or unknown in a request's answers: each field with what to do."""
    offered = {str(mode) for mode in requestable_modes(repo)}
    known = {
        "country": answers.get("country") in dict(countries),
        "sector": answers.get("sector") in Sector.values,
        "modes": bool(answers.get("modes")) and set(answers["modes"]) <= offered,
    }
    return {
        field: remedy
        for field, remedy in REQUIRED_ANSWERS.items()
        if not known.get(field, bool(str(answers.get(field) or "").strip()))
    }


@transaction.atomic
def submit_request(
    *, applicant: User, request_id: int, signature: Signature | None, now: datetime
) -> AccessRequest:
    """Freeze the draft as a snapshot, sign the licence, and put it before the reviewers."""
    access_request = _own_request(applicant, request_id)
    if not applicant.has_verified_email:
        raise EmailNotVerified
    _require_state(access_request, State.DRAFT)
    access_request.move_to(State.IN_REVIEW)
    repo = access_request.repo
    if errors := answer_errors(access_request.draft, repo):
        raise FieldErrors(errors)
    if signature is None:
        raise NotSigned("Sign the licence first; then submit.")
    acceptance = store_acceptance(
        person=applicant,
        version=licence_in_force(repo, now=now),
        signature=signature,
        now=now,
    )
    submission = Submission.objects.create(
        request=access_request,
        number=1,
        answers=_answers_alone(access_request.draft),
        acceptance=acceptance,
        submitted_at=now,
    )
    access_request.submitted_at = now
    access_request.due_at = now + timedelta(days=repo.decision_days)
    access_request.save(update_fields=["state", "submitted_at", "due_at"])
    letters.send_receipt(access_request, number=submission.number, now=now)
    record(
        EventType.REQUEST_SUBMITTED,
        actor=applicant,
        target=access_request,
        at=now,
        snapshot=submission.number,
        licence_sha256=acceptance.text_sha256,
        due_at=access_request.due_at.isoformat(),
    )
    return access_request


@transaction.atomic
def answer_question(*, applicant: User, request_id: int, answer: str, now: datetime) -> Question:
    """Answer the open question: the request goes back to review, its due date moved by the wait."""
    access_request = _own_request(applicant, request_id)
    _require_state(access_request, State.NEEDS_INFO)
    access_request.move_to(State.IN_REVIEW)
    if not answer.strip():
        raise FieldErrors({"answer": "Write an answer; a sentence may do."})
    question = access_request.questions.get(answered_at=None)
    question.answer, question.answered_at = answer.strip(), now
    question.save(update_fields=["answer", "answered_at"])
    if access_request.due_at is not None:
        access_request.due_at += now - question.asked_at
    access_request.save(update_fields=["state", "due_at"])
    record(
        EventType.REQUEST_QUESTION_ANSWERED,
        actor=applicant,
        target=access_request,
        at=now,
        question=question.pk,
    )
    return question


@transaction.atomic
def withdraw_request(*, applicant: User, request_id: int, now: datetime) -> AccessRequest:
    """End an undecided request. The applicant may ask again at any time."""
    access_request = _own_request(applicant, request_id)
    access_request.move_to(State.WITHDRAWN)
    access_request.closed_at = now
    access_request.save(update_fields=["state", "closed_at"])
    letters.send_withdrawal(access_request, now=now)
    record(EventType.REQUEST_WITHDRAWN, actor=applicant, target=access_request, at=now)
    return access_request


@transaction.atomic
def discard_draft(*, applicant: User, request_id: int) -> None:
    """Throw an unsubmitted draft away; nothing of it is kept, so nothing is recorded."""
    access_request = _own_request(applicant, request_id)
    if access_request.state != State.DRAFT:
        raise Conflict("This request is already submitted. You can withdraw it on its page.")
    access_request.delete()
