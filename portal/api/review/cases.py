"""A case as a reviewer reads it: gathered from the functions that its page asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.urls import reverse

from portal.access.errors import RequestNotFound
from portal.access.models import AccessRequest, Appeal, Decision
from portal.access.policy.conflicts import WORDS, ConflictKind
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.request_actions import (
    Relation,
    RequestAction,
    relation_of,
    require_action,
)
from portal.access.requests.form.answers import readable_answers
from portal.access.review import evidence
from portal.access.review.assignment import assignment_of
from portal.access.review.decisions.undoable import undo_until
from portal.access.review.decisions.votes import visible_votes, votes_missing
from portal.access.review.status import grant_of, is_draft
from portal.api.base.operations import Call

Verdict = Decision.Verdict


def case_in(call: Call, request_id: int) -> AccessRequest:
    """A request that the caller reads as a reviewer; for anybody else there is none."""
    readable_here = call.within(AccessRequest.objects.readable_by(call.person))
    related = readable_here.select_related("repo__namespace", "applicant")
    found: AccessRequest | None = related.filter(pk=request_id).first()
    if found is None:
        raise RequestNotFound
    return found


def require_within(call: Call, *request_ids: int) -> None:
    """That the token is for their repos; who may act on them is for the service to say."""
    asked = AccessRequest.objects.filter(pk__in=request_ids)
    if call.within(asked).count() < asked.count():
        raise RequestNotFound


def require_may(call: Call, request_id: int, act: RequestAction) -> None:
    """The question that the service asks again under its lock: here, before what was sent is
    looked at, so that a stranger learns nothing from how it is refused."""
    found = call.within(AccessRequest.objects.filter(pk=request_id)).first()
    if found is None or (is_draft(found) and found.applicant_id != call.person.pk):
        raise RequestNotFound
    require_action(call.person, found, act, call.now)


def case_states(call: Call, rows: Sequence[AccessRequest]) -> Sequence[dict[str, Any]]:
    return [_state(call, each, relation_of(call.person, each, call.now)) for each in rows]


def whole_cases(call: Call, rows: Sequence[AccessRequest]) -> Sequence[dict[str, Any]]:
    return [_whole(call, each, relation_of(call.person, each, call.now)) for each in rows]


COLUMNS = (
    "id",
    "reference",
    "repo",
    "applicant",
    "state",
    "submitted_at",
    "due_at",
    "closed_at",
    "escalation_level",
    "organization_name",
    "sector",
    "country",
)


def _columns(case: AccessRequest) -> dict[str, Any]:
    return {name: getattr(case, name) for name in COLUMNS}


def _state(call: Call, case: AccessRequest, relation: Relation) -> dict[str, Any]:
    assignment, grant = assignment_of(case), grant_of(case)
    return {
        **_columns(case),
        "assigned_to": assignment.reviewer if assignment else None,
        "votes": _votes(call, case),
        "undo_until": undo_until(case),
        "grant_id": grant.pk if grant else None,
        "allowed_acts": sorted(relation.actions),
    }


def _votes(call: Call, case: AccessRequest) -> dict[str, Any]:
    return {
        "quorum": settings_of(case.repo).quorum,
        "approvals_missing": votes_missing(case, Verdict.APPROVED, call.now),
        "declines_missing": votes_missing(case, Verdict.DECLINED, call.now),
        "votes": visible_votes(case, call.person),
    }


def _whole(call: Call, case: AccessRequest, relation: Relation) -> dict[str, Any]:
    newest = case.submissions.select_related("form").latest("number")
    appeal = Appeal.objects.filter(request=case).first()
    return {
        **_state(call, case, relation),
        "conflicts": [WORDS[each] for each in ConflictKind if each in relation.conflicts],
        "answers": readable_answers(newest.answers, form=newest.form),
        "evidence": _evidence(call, case, newest.answers),
        "bundle_url": settings.BASE_URL + reverse("site:bundle", args=[case.pk]),
        "questions": case.questions.told(),
        "decisions": case.decisions.select_related("decided_by"),
        "appeal": appeal.text if appeal else "",
    }


def _evidence(call: Call, case: AccessRequest, answers: dict[str, Any]) -> dict[str, Any]:
    return {
        "proved": evidence.proved(case.applicant, call.now),
        "said": [{"label": label, "text": text} for label, text in evidence.said(answers)],
        "flags": evidence.flags(case, call.person, call.now),
        "record": evidence.organization_record(case, call.person),
        "is_clear": case.evidence_is_clear,
    }
