"""Begin, save and discard the draft of a request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.access.errors import AlreadyGranted, AlreadyOffered, RequestHasMovedOn
from portal.access.models import AccessRequest, Grant
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.asked_models import askable_models, asked_through
from portal.access.requests.form.page_changes import page_changes
from portal.access.requests.form.questions import requestable_modes
from portal.accounts.models import User
from portal.catalog.models import Collection, ModelRepo
from portal.errors import Conflict


@transaction.atomic
def start_draft(*, applicant: User, repo_id: int, now: datetime) -> AccessRequest:
    """Begin a draft for this model. Return the applicant's open request if they have one.

    Raise what ``begun_request`` does where there is nothing to ask for.
    """
    User.objects.select_for_update(no_key=True).get(
        pk=applicant.pk
    )  # so that two open tabs make one draft
    repo = ModelRepo.objects.with_names().get(pk=repo_id)
    if existing := begun_request(applicant=applicant, repo=repo, now=now):
        return existing
    collection = asked_through(repo)
    answers = {"name": applicant.name, **_earlier_answers(applicant, repo, collection)}
    if collection is not None:
        repo = collection.lead
        answers["models"] = _preselected(applicant, collection, now)
    return AccessRequest.objects.create(
        repo=repo,
        collection=collection,
        applicant=applicant,
        draft=answers,
        created_at=now,
        saved_at=now,
    )


def _earlier_answers(
    applicant: User, repo: ModelRepo, collection: Collection | None
) -> dict[str, Any]:
    """Return the answers of the newest request for the same model, or of the same collection."""
    same = Q(repo=repo) if collection is None else Q(repo=repo) | Q(collection=collection)
    previous = AccessRequest.objects.of(applicant).filter(same).first()
    return _answers_alone(previous.draft) if previous else {}


def _preselected(applicant: User, collection: Collection, now: datetime) -> list[str]:
    """Return the models of a collection that a new request names until the applicant chooses."""
    models = askable_models(collection, applicant)
    wanted = [repo for repo in models if not _has_all_of(applicant, repo, now)]
    return [repo.full_name for repo in wanted]


def begun_request(*, applicant: User, repo: ModelRepo, now: datetime) -> AccessRequest | None:
    """Return the applicant's open request for this model, or None if they may begin one.

    A request of the collection that the model is asked for with is one too. Raise AlreadyGranted,
    AlreadyOffered or Conflict where there is nothing to ask for.
    """
    collection = asked_through(repo)
    same = Q(repo=repo)
    if collection is not None:
        same |= Q(collection=collection) | Q(repo=collection.lead)
    own = AccessRequest.objects.of(applicant).filter(same)
    existing = own.shown_in(AccessRequest.OPEN_STATES, now).first()
    if existing:
        return existing
    if not repo.takes_requests:
        raise Conflict(_("This model needs no request. Its page says how to get it."))
    _require_something_to_ask(applicant, repo, now)
    return None


def _require_something_to_ask(applicant: User, repo: ModelRepo, now: datetime) -> None:
    """Raise AlreadyGranted for open access, AlreadyOffered if a signature alone opens it.

    Members of somebody else's grant may ask for a grant of their own.
    """
    if _has_all_of(applicant, repo, now):
        raise AlreadyGranted(
            _("You already have access to this model; its page says how to use it."),
            help_url=f"/{repo.full_name}",
        )
    if offer := Grant.objects.to(applicant, repo).offered_at(now).first():
        raise AlreadyOffered(
            _("Access to this model is offered to you: sign its terms, or decline them first."),
            help_url=reverse("access:offer", args=[offer.pk]),
        )


def _has_all_of(applicant: User, repo: ModelRepo, now: datetime) -> bool:
    """Tell whether a grant of their own opens all that could be asked for of this model."""
    own = Grant.objects.filter(person=applicant).active_at(now)
    newest = own.covering(repo).first()
    return newest is not None and all(
        own.opening(repo, mode).filter(pk=newest.pk).exists() for mode in requestable_modes(repo)
    )


def _answers_alone(draft: dict[str, Any]) -> dict[str, Any]:
    """Copy a draft without its signature: that is stored with its request and isn't used twice."""
    return {name: value for name, value in draft.items() if name != "signature"}


@transaction.atomic
def save_draft(
    *, applicant: User, request_id: int, answers: dict[str, Any], now: datetime
) -> AccessRequest:
    """Save answers as they were typed, right or wrong; the submission validates them."""
    return _saved(_draft_to_save(applicant, request_id, now), answers, now)


@transaction.atomic
def save_page(
    *,
    applicant: User,
    request_id: int,
    answers: dict[str, Any],
    seen: Mapping[str, str],
    replaces: bool,
    now: datetime,
) -> tuple[AccessRequest, dict[str, Any]]:
    """Save what was changed on a page of the form since it showed the answers ``seen``.

    Return the draft, and the answers that were changed elsewhere too, as they were there. The
    page's own replace them where ``replaces`` says so, and aren't saved otherwise.
    """
    access_request = _draft_to_save(applicant, request_id, now)
    changes = page_changes(answers, seen=seen, draft=access_request.draft)
    clashes = {} if replaces else changes.clashes
    saved = {name: value for name, value in changes.answers.items() if name not in clashes}
    return _saved(access_request, saved, now), changes.clashes


def _draft_to_save(applicant: User, request_id: int, now: datetime) -> AccessRequest:
    submitted = _("This request is already submitted, so its draft can’t change. See its page.")
    return _draft(applicant, request_id, RequestAction.SAVE, submitted, now)


def _saved(access_request: AccessRequest, answers: dict[str, Any], now: datetime) -> AccessRequest:
    access_request.draft = {**access_request.draft, **answers}
    access_request.saved_at = now
    access_request.save(update_fields=["draft", "saved_at"])
    return access_request


@transaction.atomic
def discard_draft(*, applicant: User, request_id: int, now: datetime) -> None:
    """Delete an unsubmitted draft. Nothing of it is kept, so the record has no event of it."""
    submitted = _("This request is already submitted. You can withdraw it on its page.")
    _draft(applicant, request_id, RequestAction.DISCARD, submitted, now).delete()


def _draft(
    applicant: User, request_id: int, action: RequestAction, if_submitted: str, now: datetime
) -> AccessRequest:
    """Lock a draft. Raise Conflict with the words ``if_submitted`` if it is one no longer."""
    try:
        return locked_request(applicant, request_id, action, now)
    except RequestHasMovedOn as error:
        raise Conflict(if_submitted) from error
