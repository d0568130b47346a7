"""Begin, save and discard the draft of a request."""

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
    """Begin a draft for this model. Return the applicant's open request if they have one.

    Raise what ``begun_request`` does where there is nothing to ask for.
    """
    User.objects.select_for_update().get(pk=applicant.pk)  # so that two open tabs make one draft
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
    """Return the applicant's open request for this model, or None if they may begin one.

    Raise AlreadyGranted, AlreadyOffered or Conflict where there is nothing to ask for.
    """
    existing = AccessRequest.objects.of(applicant).open().filter(repo=repo).first()
    if existing:
        return existing
    if not repo.takes_requests:
        raise Conflict("This model needs no request. Its page says how to get it.")
    _require_something_to_ask(applicant, repo, now)
    return None


def _require_something_to_ask(applicant: User, repo: ModelRepo, now: datetime) -> None:
    """Raise AlreadyGranted for open access, AlreadyOffered if a signature alone opens it.

    Members of somebody else's grant may ask for a grant of their own.
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
    """Copy a draft without its signature: that is stored with its request and isn't used twice."""
    return {name: value for name, value in draft.items() if name != "signature"}


@transaction.atomic
def save_draft(
    *, applicant: User, request_id: int, answers: dict[str, Any], now: datetime
) -> AccessRequest:
    """Save answers as they were typed, right or wrong; the submission validates them."""
    submitted = "This request is already submitted, so its draft can’t change. See its page."
    access_request = _draft(applicant, request_id, RequestAction.SAVE, submitted, now)
    access_request.draft = {**access_request.draft, **answers}
    access_request.saved_at = now
    access_request.save(update_fields=["draft", "saved_at"])
    return access_request


@transaction.atomic
def discard_draft(*, applicant: User, request_id: int, now: datetime) -> None:
    """Delete an unsubmitted draft. Nothing of it is kept, so the record has no event of it."""
    submitted = "This request is already submitted. You can withdraw it on its page."
    _draft(applicant, request_id, RequestAction.DISCARD, submitted, now).delete()


def _draft(
    applicant: User, request_id: int, action: RequestAction, if_submitted: str, now: datetime
) -> AccessRequest:
    """Lock a draft. Raise Conflict with the words ``if_submitted`` if it is one no longer."""
    try:
        return locked_request(applicant, request_id, action, now)
    except RequestHasMovedOn as error:
        raise Conflict(if_submitted) from error
