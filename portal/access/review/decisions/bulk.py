"""Decide many cases at once: each on its own, with its own guards, event and letter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from portal.access.models import AccessRequest, Decision
from portal.access.review.decisions.deciding import approve_request, decline_request
from portal.accounts.models import User
from portal.errors import DomainError, FieldErrors

MOST = 50


@dataclass(frozen=True)
class BulkTerms:
    """For an approval ``modes`` and ``expires_at``; for a decline a reason."""

    verdict: Decision.Verdict
    modes: tuple[str, ...] = ()
    expires_at: datetime | None = None
    reason_code: str = ""
    reason_text: str = ""


@dataclass(frozen=True)
class BulkResult:
    """``outcome``: decided, voted where votes are missing, or refused, and then why."""

    request_id: int
    outcome: str
    why: str = ""


def bulk_decide(
    *, reviewer: User, request_ids: Sequence[int], terms: BulkTerms, dry_run: bool, now: datetime
) -> list[BulkResult]:
    """At most fifty requests of one repo, in the order given. One that is refused stops no other.

    A dry run does all of it and takes each back, so it tells what the act itself would.
    """
    keys = list(dict.fromkeys(request_ids))
    _require_one_repo(reviewer, keys)
    decide = _decider(reviewer, terms, now)
    return [_one(key, decide, dry_run) for key in keys]


def _require_one_repo(reviewer: User, keys: Sequence[int]) -> None:
    if not 1 <= len(keys) <= MOST:
        raise FieldErrors({"request_ids": f"Choose 1 to {MOST} requests."})
    readable = AccessRequest.objects.readable_by(reviewer).filter(pk__in=keys)
    if len(set(readable.values_list("repo", flat=True))) > 1:
        raise FieldErrors({"request_ids": "Choose requests for one model at a time."})


def _decider(reviewer: User, terms: BulkTerms, now: datetime) -> Callable[[int], object]:
    def approve(key: int) -> object:
        if terms.expires_at is None:
            raise FieldErrors({"terms.expires_at": "Choose the day on which the grants end."})
        return approve_request(
            reviewer=reviewer,
            request_id=key,
            modes=terms.modes,
            expires_at=terms.expires_at,
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


def _one(key: int, decide: Callable[[int], object], dry_run: bool) -> BulkResult:
    try:
        with transaction.atomic():
            made = decide(key)
            if dry_run:
                transaction.set_rollback(True)
    except DomainError as refusal:
        return BulkResult(key, "refused", refusal.message)
    return BulkResult(key, "decided" if made is not None else "voted")
