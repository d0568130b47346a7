"""Take a snapshot of a request's answers, with every consequence of a new one.

A snapshot voids the votes that rested on a changed answer, screens the applicant against the
sanctions lists, links look-alike requests, and copies what the queue filters by onto the request.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.access.models import Acceptance, AccessRequest, RequestForm, Screening, Submission
from portal.access.requests.diffs import changed_names, material_names
from portal.access.requests.form.questions import lab_questions, snapshot_answers
from portal.access.requests.form.validation import answer_errors
from portal.access.requests.lookalikes import link_lookalikes
from portal.access.requests.voting import void_votes
from portal.access.screening import matching
from portal.access.screening.claimed_affiliations import is_contradicted, means_one_of
from portal.access.screening.run import screen
from portal.accounts.affiliations import affiliations_of
from portal.accounts.models import Organization
from portal.errors import FieldErrors

log = logging.getLogger(__name__)
State = AccessRequest.State
MATERIAL_CHANGE = "An answer that the vote rested on has changed"


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
    acceptance: Acceptance,
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
        acceptance=acceptance,
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

    The form's version and the signature stay those of the snapshot before. Raise FieldErrors for
    changes that don't fit. Sets fields of the request without saving them.
    """
    newest = newest_submission(access_request)
    answers = corrected(newest, changes)
    if errors := answer_errors(answers, access_request.repo, lab_questions(newest.form)):
        raise FieldErrors(errors, inside="changes")
    access_request.draft = {**access_request.draft, **answers}
    return _take(
        access_request,
        answers=answers,
        occasion=occasion,
        form=newest.form,
        acceptance=newest.acceptance,
        now=now,
    )


def newest_submission(access_request: AccessRequest) -> Submission:
    return access_request.submissions.select_related("form", "acceptance").latest("number")


def corrected(newest: Submission, changes: dict[str, Any]) -> dict[str, Any]:
    return snapshot_answers({**newest.answers, **changes}, lab_questions(newest.form))


def _take(
    access_request: AccessRequest,
    *,
    answers: dict[str, Any],
    occasion: Submission.Occasion,
    form: RequestForm | None,
    acceptance: Acceptance,
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
        acceptance=acceptance,
        occasion=occasion,
        is_material=is_material,
        submitted_at=now,
    )
    voided = void_votes(access_request.reviews.all(), MATERIAL_CHANGE, now) if is_material else 0
    screening = _screen(submission, now)
    # Before the columns are copied: whether the evidence is clear depends on the links.
    link_lookalikes(submission, now)
    _copy_for_queue(access_request, submission, screening, now)
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


def _copy_for_queue(
    access_request: AccessRequest, submission: Submission, screening: Screening, now: datetime
) -> None:
    """Copy what the queue filters and groups by onto the request, without saving it."""
    answers = submission.answers
    access_request.organization = _organization(access_request, now)
    access_request.organization_name = str(answers.get("organization") or "")
    access_request.sector = str(answers.get("sector") or "")
    access_request.country = str(answers.get("country") or "")
    access_request.evidence_is_clear = _evidence_is_clear(access_request, screening, now)


def _organization(access_request: AccessRequest, now: datetime) -> Organization | None:
    """Return the proved organization that the answer names, else the one proved last."""
    proved = _proved(access_request, now)
    return means_one_of(_said(access_request), proved) or next(iter(proved), None)


def _proved(access_request: AccessRequest, now: datetime) -> list[Organization]:
    affiliations = affiliations_of(access_request.applicant, now)
    return [affiliation.organization for affiliation in affiliations]


def _said(access_request: AccessRequest) -> str:
    return str(access_request.draft.get("organization") or "")


def _evidence_is_clear(access_request: AccessRequest, screening: Screening, now: datetime) -> bool:
    """Tell if affiliated, mail deliverable, screening clear and no look-alike request."""
    proved = _proved(access_request, now)
    return (
        screening.is_clear
        and access_request.applicant.has_verified_email
        and bool(proved)
        and not is_contradicted(_said(access_request), proved)
        and not access_request.links.exists()
    )


def refresh_evidence(access_request: AccessRequest, now: datetime) -> None:
    """Recompute and save if the evidence is clear, once a part of it has changed."""
    screenings = Screening.objects.filter(submission__request=access_request)
    newest = screenings.order_by("submission__number").last()
    access_request.organization = _organization(access_request, now)
    access_request.evidence_is_clear = newest is not None and (
        _evidence_is_clear(access_request, newest, now)
    )
    access_request.save(update_fields=["organization", "evidence_is_clear"])
