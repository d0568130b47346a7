"""All that one page tells a reviewer about a case."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings

from portal.access.grants.status_marks import grant_state
from portal.access.letters.preview import letters_before
from portal.access.lifecycle import is_active
from portal.access.models import Acceptance, AccessRequest, Submission
from portal.access.policy.conflicts import WORDS, ConflictKind
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.policy import Action, may
from portal.access.policy.request_actions import RequestAction, relation_of
from portal.access.requests.diffs import changes_of
from portal.access.requests.form.answers import ReadableAnswer, modes_label, readable_answers
from portal.access.requests.form.questions import BASE_NAMES
from portal.access.review import evidence, status
from portal.access.review.assignment import assignment_of
from portal.access.review.decisions.deciding import overrides_count
from portal.access.review.decisions.undoable import undoable_by
from portal.access.review.decisions.votes import standing_votes, visible_votes
from portal.access.review.forms import DIALOGS
from portal.access.review.queue.filters import Filters
from portal.access.review.queue.listing import due_tone
from portal.access.review.queue.position import position_in_queue
from portal.access.review.timeline import timeline_of
from portal.access.status_badge import Mark
from portal.accounts.models import User

MOST = 20


def case_context(
    access_request: AccessRequest,
    reviewer: User,
    filters: Filters,
    *,
    now: datetime,
    failed: tuple[str, forms.Form | None] | None = None,
) -> dict[str, Any]:
    """Collect what the page shows. ``failed`` names the form that stands open on it, and the form
    as it was sent back, if it was."""
    submission = access_request.submissions.select_related(
        "acceptance__licence_version__licence", "form"
    ).latest("number")
    answers = submission.answers
    shown = {**_team(access_request, reviewer, now), **_grant(access_request, reviewer, now)}
    dialogs = _dialogs(shown)
    name, form = failed or ("", None)
    if form is None and name not in dialogs:
        name = ""
    return {
        "case": access_request,
        "repo": access_request.repo,
        "submission": submission,
        "organization": answers.get("organization", ""),
        "modes": modes_label(answers.get("modes")),
        "answers": _answers(submission),
        "changes": changes_of(access_request),
        "state_mark": status.reviewer_mark(access_request),
        "due": due_tone(access_request, now),
        "awaits": status.awaits_decision(access_request),
        "undecided": status.is_undecided(access_request),
        "questions": access_request.questions.told().select_related("asked_by"),
        "notes": access_request.notes.select_related("author"),
        "appeal": getattr(access_request, "appeal", None),
        "attestations": _attestations(submission.acceptance),
        "earlier": _earlier(access_request, reviewer),
        "events": timeline_of(access_request, reader=reviewer),
        "place": position_in_queue(access_request, reviewer, filters, now),
        "carried": filters.query,
        "form": form,
        "failed": name,
        "nav_section": "queue",
        "now": now,
        **shown,
        "dialogs": dialogs,
        "letters": letters_before(access_request) if dialogs else {},
        "undo_minutes": settings_of(access_request.repo).undo_minutes,
        **_evidence(access_request, reviewer, answers, now),
        **_forms(access_request, answers, now, name, form),
    }


def _dialogs(shown: dict[str, Any]) -> list[str]:
    """Name the dialogs that this reader may open."""
    names = [name for name, dialog in DIALOGS.items() if dialog.actions & shown["acts"]]
    return [*names, "revoke"] if shown.get("may_revoke") else names


def undo_context(reviewer: User, now: datetime) -> dict[str, Any]:
    """Return the reviewer's own last decision or question, while its letter waits."""
    return {"undoable": undoable_by(reviewer, now)}


def _evidence(
    access_request: AccessRequest, reviewer: User, answers: dict[str, Any], now: datetime
) -> dict[str, Any]:
    record = evidence.organization_record(access_request, reviewer)
    return {
        "proved": evidence.proved(access_request.applicant, now),
        "said": evidence.said(answers),
        "flags": evidence.flags(access_request, reviewer, now),
        "record": record,
        "record_rows": [
            (each, status.reviewer_mark(each), modes_label(each.draft.get("modes")))
            for each in (record.latest if record else [])
        ],
    }


def _team(access_request: AccessRequest, reviewer: User, now: datetime) -> dict[str, Any]:
    """Who has it, who voted, and what this reader may do."""
    relation = relation_of(reviewer, access_request, now)
    held = assignment_of(access_request)
    votes = visible_votes(access_request, reviewer)
    cast = len(standing_votes(access_request))
    return {
        "acts": relation.actions,
        "is_head": relation.is_head,
        "assignment": held,
        "is_mine": held is not None and held.reviewer_id == reviewer.pk,
        "conflicts": [WORDS[each] for each in ConflictKind if each in relation.conflicts],
        "quorum": settings_of(access_request.repo).quorum,
        "votes": votes,
        "votes_cast": cast,
        "votes_are_hidden": cast > len(votes),
        "escalations": access_request.escalations.all(),
        "overrides": overrides_count(access_request.repo)
        if RequestAction.OVERRIDE in relation.actions
        else 0,
        "override_was": access_request.decisions.filter(is_override=True, undone_at=None).exists(),
    }


def _answers(submission: Submission) -> list[ReadableAnswer]:
    """The research, what is asked for, the lab's own questions. Who they are stands above."""
    return [
        each
        for each in readable_answers(submission.answers, form=submission.form)
        if each.step in ("research", "access") or each.name not in BASE_NAMES
    ]


def _attestations(acceptance: Acceptance) -> list[tuple[str, bool]]:
    """What the signed text asked to be confirmed, and whether it was."""
    return [
        (each["text"], each["code"] in acceptance.attestations)
        for each in acceptance.licence_version.attestations
    ]


def _earlier(
    access_request: AccessRequest, reviewer: User
) -> list[tuple[AccessRequest, Mark, str]]:
    """The same person's other requests, on the models that this reviewer may read."""
    others = AccessRequest.objects.readable_by(reviewer).of(access_request.applicant)
    others = others.exclude(pk=access_request.pk).select_related("repo__namespace")
    return [
        (each, status.reviewer_mark(each), modes_label(each.draft.get("modes")))
        for each in others.order_by("-submitted_at")[:MOST]
    ]


def _grant(access_request: AccessRequest, reviewer: User, now: datetime) -> dict[str, Any]:
    grant = status.grant_of(access_request)
    if grant is None:
        return {"grant": None}
    runs = is_active(grant, now)
    return {
        "grant": grant,
        "grant_mark": grant_state(grant, now),
        "grant_modes": modes_label(grant.modes),
        "may_revoke": runs and may(reviewer, Action.ADMINISTER, access_request.repo, now).allowed,
    }


def _forms(
    access_request: AccessRequest,
    answers: dict[str, Any],
    now: datetime,
    name: str,
    form: forms.Form | None,
) -> dict[str, Any]:
    """The dialogs' forms, the one that was sent back as it was typed."""
    until = (now + timedelta(days=settings.GRANT_DAYS)).date()
    initial = {"modes": answers.get("modes"), "until": until}  # of an approval
    repo = access_request.repo
    shown = {
        f"{dialog}_form": form
        if form and dialog == name
        else DIALOGS[dialog].form(initial=initial, repo=repo, auto_id=f"{dialog}_%s")
        for dialog in DIALOGS
    }
    return shown | {"failed_template": f"access/_{name}.html" if name else ""}
