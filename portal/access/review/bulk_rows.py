"""Say for each of the requests that are decided together what will happen to it, or what has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.access.evidence.assessment import assess
from portal.access.evidence.flags import Assessment
from portal.access.models import AccessRequest, Assignment, Decision
from portal.access.requests.form.answers import modes_label
from portal.access.review.bulk_forms import BulkForm
from portal.access.review.decisions.bulk import BulkResult
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.formatting import whole_date
from portal.text.bidi import isolated

VERBS = {Decision.Verdict.APPROVED: "Approve", Decision.Verdict.DECLINED: "Decline"}
DONE = {"Approve": "Approved", "Decline": "Declined"}


@dataclass(frozen=True)
class VerdictWords:
    """A verdict for many, and its terms in words: what is given until when, or why not."""

    verdict: str = ""
    words: str = ""

    @property
    def verb(self) -> str:
        return VERBS.get(Decision.Verdict(self.verdict), "") if self.verdict else ""


@dataclass(frozen=True)
class BulkRow:
    """One of the requests that are decided together; ``outcome`` says what becomes of it."""

    case: AccessRequest
    models: list[ModelRepo]
    modes: str
    assessment: Assessment
    claimed_by: str
    result: BulkResult | None
    outcome: str


def said_of(form: BulkForm) -> VerdictWords:
    """Put the terms of a valid form into words; of another, nothing."""
    if not form.is_bound or not form.is_valid():
        return VerdictWords()
    answers = form.cleaned_data
    if answers["verdict"] == Decision.Verdict.DECLINED:
        return VerdictWords(answers["verdict"], str(Decision.Reason(answers["reason_code"]).label))
    words = f"{modes_label(list(answers['modes'])).lower()}, until {whole_date(answers['until'])}"
    return VerdictWords(answers["verdict"], words)


def digest_of(form: BulkForm, selected: Sequence[AccessRequest]) -> str:
    """Return a digest of which requests are decided on which terms, to know a preview by."""
    keys = [case.pk for case in selected]
    terms = json.dumps([keys, form.cleaned_data], default=str, sort_keys=True)
    return hashlib.sha256(terms.encode()).hexdigest()


def rows_of(
    selected: Sequence[AccessRequest],
    results: Sequence[BulkResult],
    said: VerdictWords,
    reviewer: User,
    *,
    now: datetime,
    is_done: bool,
) -> list[BulkRow]:
    """Return a row for each request, in as many queries for fifty as for one."""
    by_id = {result.request_id: result for result in results}
    assessments = assess(selected, now, reviewer)
    claims = _claims(selected, reviewer)
    return [
        BulkRow(
            case=case,
            models=list(case.chosen.all()),
            modes=modes_label(case.draft.get("modes")),
            assessment=assessments[case.pk],
            claimed_by=claims.get(case.pk, ""),
            result=by_id.get(case.pk),
            outcome=_outcome(by_id.get(case.pk), said, is_done=is_done),
        )
        for case in selected
    ]


def _claims(selected: Sequence[AccessRequest], reviewer: User) -> Mapping[int, str]:
    standing = Assignment.objects.filter(request__in=selected, ended_at=None)
    return {
        claim.request_id: "You"
        if claim.reviewer_id == reviewer.pk
        else isolated(claim.reviewer.display_name)
        for claim in standing.select_related("reviewer")
    }


def _outcome(result: BulkResult | None, said: VerdictWords, *, is_done: bool) -> str:
    if result is None:
        return ""
    if result.outcome == "refused":
        return result.why
    if result.outcome == "voted":
        vote = "Your vote is recorded" if is_done else "Your vote"
        return f"{vote}, to {said.verb.lower()}: {said.words}. More votes are needed."
    return f"{DONE[said.verb] if is_done else said.verb}: {said.words}."


def undoable_among(results: Sequence[BulkResult] | None, now: datetime) -> list[int]:
    """Return the requests whose newest decision was taken here and can still be undone."""
    decided = [result.request_id for result in results or () if result.outcome == "decided"]
    standing = Decision.objects.filter(request__in=decided, undone_at=None, undo_until__gt=now)
    return list(standing.order_by("request").values_list("request", flat=True).distinct())
