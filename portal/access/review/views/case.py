"""Collect what the page of a case shows its reviewer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings

from portal.access.evidence.assessment import assessment_of
from portal.access.grants.quotas.fields import suggests_floor
from portal.access.grants.status_badges import grant_state
from portal.access.letters.people import waiting_invitations
from portal.access.letters.preview import letters_before
from portal.access.lifecycle import is_active
from portal.access.models import Acceptance, AccessRequest, Submission, snapshots_of
from portal.access.policy.conflicts import WORDS, ConflictKind
from portal.access.policy.contacts import guests_of
from portal.access.policy.covered import standing_coverage
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.policy import Action, may
from portal.access.policy.quotas import defaults_of, quota_words
from portal.access.policy.request_actions import RequestAction, Role, relation_of
from portal.access.policy.votes import standing_votes
from portal.access.requests.asked_models import chosen_models
from portal.access.requests.diffs import changes_of
from portal.access.requests.form.answers import ReadableAnswer, modes_label, readable_answers
from portal.access.requests.form.questions import BASE_NAMES
from portal.access.review import evidence, status
from portal.access.review.decisions.deciding import overrides_count
from portal.access.review.decisions.undoable import undoable_by
from portal.access.review.decisions.votes import visible_votes
from portal.access.review.forms import DIALOGS
from portal.access.review.history import (
    assignments_of,
    decisions_of,
    notes_of,
    questions_of,
)
from portal.access.review.queue.filters import Filters
from portal.access.review.queue.position import position_in_queue
from portal.access.review.queue.rows import due_tone
from portal.access.review.timeline import timeline_of
from portal.access.status_badge import StatusBadge
from portal.accounts.mailboxes import unreachable
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
    """Return the template's context for one case.

    ``failed`` is the name of the dialog that is shown open, with its form if that was posted and
    has errors.
    """
    submission = snapshots_of(access_request)[-1]
    shown = {**_team(access_request, reviewer, now), **_grants(access_request, reviewer, now)}
    dialogs = _dialogs(shown)
    name, form = failed or ("", None)
    if form is None and name not in dialogs:  # an address may ask for any dialog to be open
        name = ""
    return {
        **_request(access_request, submission, now),
        "earlier": _earlier(access_request, reviewer),
        "events": timeline_of(access_request, reader=reviewer, now=now),
        "place": position_in_queue(access_request, reviewer, filters, now),
        "carried": filters.query,
        "form": form,
        "failed": name,
        "nav_section": "queue",
        "now": now,
        **shown,
        "dialogs": dialogs,
        # The mails that each dialog would send, which cost queries that no other reader needs.
        "letters": letters_before(access_request) if dialogs else {},
        "undo_minutes": settings_of(access_request.repo).undo_minutes,
        **_evidence(access_request, reviewer, submission, now),
        **_forms(access_request, submission.answers, now, name, form),
    }


def _request(
    access_request: AccessRequest, submission: Submission, now: datetime
) -> dict[str, Any]:
    """Return what everybody on the team reads of the request and its newest snapshot."""
    return {
        "case": access_request,
        "repo": access_request.repo,
        "submission": submission,
        "organization": submission.answers.get("organization", ""),
        "modes": modes_label(submission.answers.get("modes")),
        "answers": _answers(submission),
        "changes": changes_of(access_request),
        "state_badge": status.reviewer_badge(access_request),
        "due": due_tone(access_request, now),
        "awaits": status.awaits_decision(access_request),
        "undecided": status.is_undecided(access_request),
        "questions": [row for row in questions_of(access_request) if row.undone_at is None],
        "notes": notes_of(access_request),
        "appeal": getattr(access_request, "appeal", None),
        "signatures": [_signature(acceptance) for acceptance in submission.acceptances],
    }


def _dialogs(shown: dict[str, Any]) -> list[str]:
    """Return the names of the dialogs that the reviewer may open."""
    names = [name for name, dialog in DIALOGS.items() if dialog.actions & shown["acts"]]
    return [*names, "revoke"] if shown.get("may_revoke") else names


def undo_context(reviewer: User, now: datetime) -> dict[str, Any]:
    """Return what the undo bar shows: the reviewer's newest act that can still be undone."""
    return {"undoable": undoable_by(reviewer, now)}


def _evidence(
    access_request: AccessRequest, reviewer: User, submission: Submission, now: datetime
) -> dict[str, Any]:
    record = evidence.organization_record(access_request, reviewer)
    assessment = assessment_of(access_request, now, reviewer)
    return {
        "unreachable": unreachable(access_request.applicant),
        "proved": [
            *evidence.proved_facts(access_request.applicant, now),
            *evidence.screening_facts(submission),
        ],
        "said": evidence.stated_facts(submission.answers),
        "assessment": assessment,
        "record": record,
        "record_rows": [
            (decided, status.reviewer_badge(decided), modes_label(decided.draft.get("modes")))
            for decided in (record.latest if record else [])
        ],
    }


def _team(access_request: AccessRequest, reviewer: User, now: datetime) -> dict[str, Any]:
    """Return the assignment, the votes that the reviewer may see, and what they may do."""
    relation = relation_of(reviewer, access_request, now)
    standing = [row for row in assignments_of(access_request) if row.ended_at is None]
    assignment = next(iter(standing), None)
    votes = visible_votes(access_request, reviewer, now)
    cast = len(standing_votes(access_request))
    decisions = [row for row in decisions_of(access_request) if row.undone_at is None]
    return {
        "acts": relation.actions,
        "is_head": relation.is_head,
        "is_guest": relation.roles == {Role.GUEST},
        "guests": guests_of(access_request),
        "invitations": waiting_invitations(access_request, now),
        "assignment": assignment,
        "is_mine": assignment is not None and assignment.reviewer_id == reviewer.pk,
        "conflicts": [WORDS[kind] for kind in ConflictKind if kind in relation.conflicts],
        "quorum": settings_of(access_request.repo).quorum,
        "votes": votes,
        "votes_cast": cast,
        "votes_are_hidden": cast > len(votes),
        "escalations": access_request.escalations.all(),
        "overrides": overrides_count(access_request.repo)
        if RequestAction.OVERRIDE in relation.actions
        else 0,
        "override_was": any(decision.is_override for decision in decisions),
        "settled": next((decision for decision in decisions[::-1] if decision.chair_reason), None),
    }


def _answers(submission: Submission) -> list[ReadableAnswer]:
    """Return the answers on the research and the access, and to the lab's own questions.

    The others say who the applicant is, and stand with the evidence.
    """
    return [
        answer
        for answer in readable_answers(submission.answers, form=submission.form)
        if answer.step in ("research", "access") or answer.name not in BASE_NAMES
    ]


def _signature(acceptance: Acceptance) -> tuple[Acceptance, list[tuple[str, bool]], int]:
    """Return a signature, each statement to confirm with whether it was, and how many were."""
    attestations = [
        (attestation["text"], attestation["code"] in acceptance.attestations)
        for attestation in acceptance.licence_version.attestations
    ]
    return acceptance, attestations, sum(confirmed for _, confirmed in attestations)


def _earlier(
    access_request: AccessRequest, reviewer: User
) -> list[tuple[AccessRequest, StatusBadge, str]]:
    """Return the applicant's other requests that the reviewer may read."""
    others = AccessRequest.objects.readable_by(reviewer).of(access_request.applicant)
    others = others.exclude(pk=access_request.pk).select_related(
        "repo__namespace", "collection__namespace"
    )
    return [
        (earlier, status.reviewer_badge(earlier), modes_label(earlier.draft.get("modes")))
        for earlier in others.order_by("-submitted_at")[:MOST]
    ]


def _grants(access_request: AccessRequest, reviewer: User, now: datetime) -> dict[str, Any]:
    grants = status.grants_of(access_request)
    if not grants:
        return {"grants": []}
    may_revoke = any(is_active(grant, now) for grant in grants) and (
        may(reviewer, Action.ADMINISTER, access_request.repo, now).allowed
    )
    return {
        "grants": [
            {
                "grant": grant,
                "badge": grant_state(grant, now),
                "modes": modes_label(grant.modes),
                "models": [row.repo for row in standing_coverage(grant)],
            }
            for grant in grants
        ],
        "may_revoke": may_revoke,
    }


def _forms(
    access_request: AccessRequest,
    answers: dict[str, Any],
    now: datetime,
    name: str,
    form: forms.Form | None,
) -> dict[str, Any]:
    """Return the form of each dialog: fresh ones, and the posted one as it was typed."""
    until = (now + timedelta(days=settings.GRANT_DAYS)).date()
    initial = {  # of an approval
        "modes": answers.get("modes"),
        "until": until,
        "has_floor": suggests_floor(answers),
    }
    repo, models = access_request.repo, chosen_models(access_request)
    if form:
        form.auto_id = f"{name}_%s"  # as the fresh one's: a bare "note" clashes with its dialog
    shown = {
        f"{dialog}_form": form
        if form and dialog == name
        else DIALOGS[dialog].form(initial=initial, repo=repo, models=models, auto_id=f"{dialog}_%s")
        for dialog in DIALOGS
    }
    hosted = {
        "said_of_compute": answers.get("compute", ""),
        "quotas_by_default": quota_words(defaults_of(settings_of(repo))),
    }
    return shown | hosted | {"failed_template": f"access/_{name}.html" if name else ""}
