"""Decide many requests at once: each by itself, with its own guards, event and mail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from portal.access.errors import NotClear
from portal.access.evidence.assessment import assessment_of
from portal.access.models import AccessRequest, Decision
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.quotas import SILENT, Quotas, check_quotas
from portal.access.review.decisions.deciding import approve_request, decline_request
from portal.access.review.decisions.undo import undo_decision
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.errors import DomainError, FieldErrors

MOST = 50


@dataclass(frozen=True)
class BulkTerms:
    """The verdict for all: an approval takes modes and an end, a decline takes a reason.

    ``quotas`` are of each approval's grant; what they don't name is left to the gate.
    """

    verdict: Decision.Verdict
    modes: tuple[str, ...] = ()
    expires_at: datetime | None = None
    quotas: Quotas = SILENT
    reason_code: str = ""
    reason_text: str = ""


@dataclass(frozen=True)
class BulkResult:
    """One request's outcome: decided, voted (more votes are needed) or refused, with ``why``."""

    request_id: int
    outcome: str
    why: str = ""


def bulk_decide(
    *, reviewer: User, request_ids: Sequence[int], terms: BulkTerms, dry_run: bool, now: datetime
) -> list[BulkResult]:
    """Decide up to fifty requests for one model, in this order, and return what came of each.

    A refused request stops none of the others. A dry run does the same work and rolls each back,
    so its results are those that the act itself would have. Raise FieldErrors for no requests, too
    many, requests for several models, or a quota that the gate doesn't leave to reviewers.
    """
    keys = list(dict.fromkeys(request_ids))  # an id sent twice is decided once
    repo = _one_repo(reviewer, keys)
    if repo is not None:
        check_quotas(terms.quotas, settings_of(repo))
    decide = _decider(reviewer, terms, now)
    return [_decide_one(key, decide, dry_run) for key in keys]


def bulk_undo(*, actor: User, request_ids: Sequence[int], now: datetime) -> list[BulkResult]:
    """Undo the newest decision on each request whose mail hasn’t left, and return what came of it.

    One that is refused stops none of the others, as with deciding.
    """

    def undo(key: int) -> object:
        return undo_decision(actor=actor, request_id=key, now=now)

    return [_decide_one(key, undo, dry_run=False) for key in dict.fromkeys(request_ids[:MOST])]


def _one_repo(reviewer: User, keys: Sequence[int]) -> ModelRepo | None:
    """Return the model that all are for; None where the reviewer may read none of them."""
    if not 1 <= len(keys) <= MOST:
        raise FieldErrors({"request_ids": f"Choose 1 to {MOST} requests."})
    readable = AccessRequest.objects.readable_by(reviewer).filter(pk__in=keys)
    repos = list(ModelRepo.objects.filter(pk__in=readable.order_by().values("repo")).order_by()[:2])
    if len(repos) > 1:
        raise FieldErrors({"request_ids": "Choose requests for one model at a time."})
    return repos[0] if repos else None


def _decider(reviewer: User, terms: BulkTerms, now: datetime) -> Callable[[int], object]:
    def approve(key: int) -> object:
        if terms.expires_at is None:
            raise FieldErrors({"terms.expires_at": "Choose the day on which the grants end."})
        _require_clear(reviewer, key, now)
        return approve_request(
            reviewer=reviewer,
            request_id=key,
            modes=terms.modes,
            expires_at=terms.expires_at,
            quotas=terms.quotas,
            now=now,
        )

    def decline(key: int) -> object:
        return decline_request(
            reviewer=reviewer,
            request_id=key,
            reason_code=terms.reason_code,
            reason_text=terms.reason_text,
            now=now,
        )

    return approve if terms.verdict == Decision.Verdict.APPROVED else decline


def _require_clear(reviewer: User, key: int, now: datetime) -> None:
    """Raise NotClear unless all is proved of the applicant, and no flag stands.

    Somebody who approves many at once looks at none of them. Requests that the reviewer can't
    approve are for ``approve_request`` to refuse, which says why.
    """
    votable = AccessRequest.objects.decidable_by(reviewer).filter(pk=key)
    access_request = votable.select_related("applicant").first()
    if access_request is None:
        return
    assessment = assessment_of(access_request, now, reviewer)
    if not assessment.is_clear:
        titles = [flag.title for flag in assessment.standing]
        raise NotClear([*dict.fromkeys(titles), *assessment.missing])


def _decide_one(key: int, decide: Callable[[int], object], dry_run: bool) -> BulkResult:
    try:
        # A savepoint for each request, so that a refusal rolls back this one and no other.
        with transaction.atomic():
            grant_or_decision = decide(key)
            if dry_run:
                transaction.set_rollback(True)
    except DomainError as refusal:
        return BulkResult(key, "refused", refusal.message)
    return BulkResult(key, "voted" if grant_or_decision is None else "decided")
