"""Take a snapshot of a request's answers, with every consequence of a new one.

A snapshot voids the votes that rested on a changed answer, screens the applicant against the
sanctions lists, links look-alike requests, and copies what the queue filters by onto the request.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from portal.access.evidence.refreshing import copy_evidence
from portal.access.models import Acceptance, AccessRequest, RequestForm, Screening, Submission
from portal.access.requests.asked_models import (
    models_asked_for,
    models_to_choose,
    named_models,
)
from portal.access.requests.diffs import changed_names, material_names
from portal.access.requests.form.questions import lab_questions, snapshot_answers
from portal.access.requests.form.validation import answer_errors
from portal.access.requests.lookalikes import link_lookalikes
from portal.access.requests.voting import void_votes
from portal.access.screening import matching
from portal.access.screening.run import screen
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors

log = logging.getLogger(__name__)
State = AccessRequest.State
MATERIAL_CHANGE = "An answer that the vote rested on has changed"
UNSIGNED = _(
    "{} can’t be added here: its licence wasn’t signed with this request. Leave it out, and ask "
    "for it once this request is decided or withdrawn."
)


@dataclass(frozen=True)
class NewSnapshot:
    """A new snapshot, its screening, and how many votes it voided."""

    submission: Submission
    screening: Screening
    voided: int

    @property
    def is_clear(self) -> bool:
        return self.screening.is_clear

    def event_data(self) -> dict[str, Any]:
        return {
            "snapshot": self.submission.number,
            "material": self.submission.is_material,
            "votes_voided": self.voided,
            "screening": str(self.screening.outcome),
            "list_version": self.screening.list_version,
        }


def take_first_snapshot(
    access_request: AccessRequest,
    *,
    form: RequestForm | None,
    acceptances: Sequence[Acceptance],
    now: datetime,
) -> NewSnapshot:
    """Store the draft as the first snapshot, with the consequences that the module names.

    Sets fields of the request without saving them.
    """
    return _take(
        access_request,
        answers=snapshot_answers(access_request.draft, lab_questions(form)),
        occasion=Submission.Occasion.SUBMITTED,
        form=form,
        acceptances=acceptances,
        now=now,
    )


def take_next_snapshot(
    access_request: AccessRequest,
    *,
    changes: dict[str, Any],
    occasion: Submission.Occasion,
    now: datetime,
) -> NewSnapshot:
    """Store the newest answers with ``changes`` as a snapshot, with the consequences above.

    The form's version and the signatures stay those of the snapshot before. Raise FieldErrors for
    changes that don't fit. Sets fields of the request without saving them.
    """
    newest = newest_submission(access_request)
    answers = corrected(newest, {**_models_as_named_now(access_request), **changes})
    questions, models = lab_questions(newest.form), models_to_choose(access_request)
    if errors := answer_errors(answers, access_request.repo, questions, models):
        raise FieldErrors(errors, inside="changes")
    before = {repo.pk for repo in models_asked_for(access_request)}
    added = [repo for repo in named_models(answers, models) if repo.pk not in before]
    acceptances = _signed_for(newest, added)
    access_request.draft = {**access_request.draft, **answers}
    return _take(
        access_request,
        answers=answers,
        occasion=occasion,
        form=newest.form,
        acceptances=acceptances,
        now=now,
    )


def _models_as_named_now(access_request: AccessRequest) -> dict[str, list[str]]:
    """Return the answer ``models`` by today's names: a model may have been renamed since."""
    if access_request.collection_id is None:
        return {}
    return {"models": [repo.full_name for repo in models_asked_for(access_request)]}


def _signed_for(newest: Submission, added: list[ModelRepo]) -> list[Acceptance]:
    """Return a snapshot's signatures. Raise FieldErrors for models that none of them is for."""
    acceptances = newest.acceptances
    licences = {acceptance.licence_version.licence_id for acceptance in acceptances}
    unsigned = [repo.full_name for repo in added if repo.licence_id not in licences]
    if unsigned:
        raise FieldErrors({"models": UNSIGNED.format(", ".join(unsigned))}, inside="changes")
    return acceptances


def newest_submission(access_request: AccessRequest) -> Submission:
    related = ("form", "acceptance__licence_version__licence")
    return access_request.submissions.select_related(*related).latest("number")


def corrected(newest: Submission, changes: dict[str, Any]) -> dict[str, Any]:
    return snapshot_answers({**newest.answers, **changes}, lab_questions(newest.form))


def _take(
    access_request: AccessRequest,
    *,
    answers: dict[str, Any],
    occasion: Submission.Occasion,
    form: RequestForm | None,
    acceptances: Sequence[Acceptance],
    now: datetime,
) -> NewSnapshot:
    before = access_request.submissions.order_by("number").last()
    material = material_names(lab_questions(form))
    is_material = before is None or bool(changed_names(before.answers, answers) & material)
    submission = Submission.objects.create(
        request=access_request,
        form=form,
        number=before.number + 1 if before else 1,
        answers=answers,
        acceptance=acceptances[0],
        occasion=occasion,
        is_material=is_material,
        submitted_at=now,
    )
    submission.further_acceptances.set(acceptances[1:])
    voided = void_votes(access_request.reviews.all(), MATERIAL_CHANGE, now) if is_material else 0
    screening = _screen(submission, now)
    # Before the columns are copied: whether the evidence is clear depends on the links.
    link_lookalikes(submission, now)
    _copy_models(access_request, answers)
    _copy_for_queue(access_request, submission, now)
    return NewSnapshot(submission, screening, voided)


def _screen(submission: Submission, now: datetime) -> Screening:
    """Screen the snapshot and store the result, cleared if its hits were cleared before."""
    screening, hits = screen(
        submission.request.applicant,
        lambda entries: matching.hits_of(submission, entries, now),
        now,
    )
    screening.submission = submission
    earlier = _cleared_before(submission, hits)
    if earlier is not None:
        screening.disposed_by, screening.disposed_at = earlier.disposed_by, now
        screening.disposition = earlier.disposition
    screening.save()
    return screening


def _cleared_before(submission: Submission, hits: list[matching.ScreeningHit]) -> Screening | None:
    """Return the newest screening of this request that was cleared, if all hits were cleared."""
    disposed = Screening.objects.filter(
        submission__request=submission.request_id, disposed_at__isnull=False
    )
    cleared = {matching.ScreeningHit.of(hit) for row in disposed for hit in row.hits}
    covered = bool(hits) and set(hits) <= cleared
    return disposed.order_by("submission__number").last() if covered else None


def _copy_for_queue(access_request: AccessRequest, submission: Submission, now: datetime) -> None:
    """Copy what the queue filters and groups by onto the request, without saving it."""
    answers = submission.answers
    access_request.organization_name = str(answers.get("organization") or "")
    access_request.sector = str(answers.get("sector") or "")
    access_request.country = str(answers.get("country") or "")
    copy_evidence([access_request], now)


def _copy_models(access_request: AccessRequest, answers: dict[str, Any]) -> None:
    """Copy the chosen models of a collection, which the answer has by name, onto the request."""
    if access_request.collection_id is not None:
        models = models_to_choose(access_request)
        access_request.chosen.set(named_models(answers, models))
