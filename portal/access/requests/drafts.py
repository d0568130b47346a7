"""A draft: begun once, kept as it is typed, thrown away by whoever wrote it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.urls import reverse

from portal.access.errors import AlreadyGranted, AlreadyOffered, RequestHasMovedOn
from portal.access.models import AccessRequest, Grant
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.form.questions import requestable_modes
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.errors import Conflict


@transaction.atomic
def start_draft(*, applicant: User, repo_id: int, now: datetime) -> AccessRequest:
    """Begin a draft for this repo; where the applicant has an open request, return that."""
    User.objects.select_for_update().get(pk=applicant.pk)  # two tabs make one draft
    repo = ModelRepo.objects.with_names().get(pk=repo_id)
    if existing := begun_request(applicant=applicant, repo=repo, now=now):
        return existing
    previous = AccessRequest.objects.of(applicant).filter(repo=repo).first()
    return AccessRequest.objects.create(
        repo=repo,
        applicant=applicant,
        draft={"name": applicant.name, **(_answers_alone(previous.draft) if previous else {})},
        created_at=now,
        saved_at=now,
    )


def begun_request(*, applicant: User, repo: ModelRepo, now: datetime) -> AccessRequest | None:
    """Find the applicant's open request for this repo; None where they may begin one.

    Raises AlreadyGranted, or Conflict, where there is nothing to ask for.
    """
    existing = AccessRequest.objects.of(applicant).open().filter(repo=repo).first()
    if existing:
        return existing
    if not repo.takes_requests:
        raise Conflict("This model needs no request. Its page says how to get it.")
    _require_something_to_ask(applicant, repo, now)
    return None


def _require_something_to_ask(applicant: User, repo: ModelRepo, now: datetime) -> None:
    """Raise AlreadyGranted where access is open already, or opens by a signature alone.

    A member, or who is invited, may ask for a grant of their own.
    """
    active = Grant.objects.to(applicant, repo).active_at(now).first()
    if active and set(requestable_modes(repo)) <= set(active.modes):
        raise AlreadyGranted(
            "You already have access to this model; its page says how to use it.",
            help_url=f"/{repo.full_name}",
        )
    if offer := Grant.objects.to(applicant, repo).offered_at(now).first():
        raise AlreadyOffered(
            "Access to this model is offered to you: sign its terms, or decline them first.",
            help_url=reverse("access:offer", args=[offer.pk]),
        )


def _answers_alone(draft: dict[str, Any]) -> dict[str, Any]:
    """Without the signature: an Acceptance keeps it, and a new draft wants a new one."""
    return {name: value for name, value in draft.items() if name != "signature"}


@transaction.atomic
def save_draft(
    *, applicant: User, request_id: int, answers: dict[str, Any], now: datetime
) -> AccessRequest:
    """Keep what was typed, right or wrong; submitting checks it."""
    stands = "This request is already submitted; its answers stand. See its page."
    access_request = _draft(applicant, request_id, RequestAction.SAVE, stands, now)
    access_request.draft = {**access_request.draft, **answers}
    access_request.saved_at = now
    access_request.save(update_fields=["draft", "saved_at"])
    return access_request


@transaction.atomic
def discard_draft(*, applicant: User, request_id: int, now: datetime) -> None:
    """Throw an unsubmitted draft away; nothing of it is kept, so nothing is recorded."""
    sent = "This request is already submitted. You can withdraw it on its page."
    _draft(applicant, request_id, RequestAction.DISCARD, sent, now).delete()


def _draft(
    applicant: User, request_id: int, act: RequestAction, once_sent: str, now: datetime
) -> AccessRequest:
    try:
        return locked_request(applicant, request_id, act, now)
    except RequestHasMovedOn as error:
        raise Conflict(once_sent) from error
