"""All that one page tells a reviewer about a case."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django import forms
from django.conf import settings

from portal.access import standing
from portal.access.answers import country_name, modes_label, readable, sector_label
from portal.access.history import history
from portal.access.models import Acceptance, AccessRequest
from portal.access.policy import Action, may
from portal.access.queue import due_tone, place_of
from portal.access.review_forms import ApproveForm, AskForm, DeclineForm, RevokeForm
from portal.accounts.models import User


def case_context(
    access_request: AccessRequest,
    reviewer: User,
    *,
    now: datetime,
    failed: tuple[str, forms.Form] | None = None,
) -> dict[str, Any]:
    """``failed``: which form was sent back, and that form; it is shown open on the page."""
    submission = access_request.submissions.select_related(
        "acceptance__licence_version__licence"
    ).latest("number")
    answers = submission.answers
    name, form = failed or ("", None)
    return {
        "case": access_request,
        "repo": access_request.repo,
        "submission": submission,
        "organization": answers.get("organization", ""),
        "modes": modes_label(answers.get("modes")),
        "answers": readable(answers, "research", "access"),
        "said": _said(answers),
        "addresses": _proved_addresses(access_request.applicant),
        "state_mark": standing.reviewer_mark(access_request),
        "due": due_tone(access_request, now),
        "awaits": standing.awaits_decision(access_request),
        "undecided": standing.is_undecided(access_request),
        "questions": access_request.questions.select_related("asked_by"),
        "attestations": _attestations(submission.acceptance),
        "earlier": _earlier(access_request, reviewer),
        "events": history(access_request, reader=reviewer),
        "place": place_of(access_request, reviewer),
        "form": form,
        "failed": name,
        "nav_section": "queue",
        "now": now,
        **_grant(access_request, reviewer, now),
        **_forms(access_request, answers, now, name, form),
    }


def _proved_addresses(person: User) -> list[tuple[str, str]]:
    """Each address that answered a letter, and its domain."""
    proved = EmailAddress.objects.filter(user=person, verified=True).order_by("-primary", "email")
    return [(each.email, each.email.rpartition("@")[2]) for each in proved]


def _said(answers: dict[str, Any]) -> list[tuple[str, str]]:
    """What nobody has checked. Words that the answers repeat in full stand there."""
    rows = [
        ("Goes by", answers.get("name", "")),
        ("Position", answers.get("position", "")),
        ("Works at", answers.get("organization", "")),
        ("In", country_name(answers.get("country"))),
        ("Sector", sector_label(answers.get("sector"))),
    ]
    return [(label, str(text)) for label, text in rows if text]


def _attestations(acceptance: Acceptance) -> list[tuple[str, bool]]:
    """What the signed text asked to be confirmed, and whether it was."""
    return [
        (each["text"], each["code"] in acceptance.attestations)
        for each in acceptance.licence_version.attestations
    ]


def _earlier(
    access_request: AccessRequest, reviewer: User
) -> list[tuple[AccessRequest, standing.Mark, str]]:
    """The same person's other requests, on the models that this reviewer may read."""
    others = AccessRequest.objects.readable_by(reviewer).of(access_request.applicant)
    others = others.exclude(pk=access_request.pk).select_related("repo__namespace")
    return [
        (each, standing.reviewer_mark(each), modes_label(each.draft.get("modes")))
        for each in others.prefetch_related("questions").order_by("-submitted_at")
    ]


def _grant(access_request: AccessRequest, reviewer: User, now: datetime) -> dict[str, Any]:
    grant = standing.grant_of(access_request)
    if grant is None:
        return {"grant": None}
    mark = standing.grant_mark(grant, now)
    runs = mark == standing.ENDED["active"]
    return {
        "grant": grant,
        "grant_mark": mark,
        "grant_modes": modes_label(grant.modes),
        "may_revoke": runs and may(reviewer, Action.ADMINISTER, access_request.repo, now).allowed,
    }


def _forms(
    access_request: AccessRequest,
    answers: dict[str, Any],
    now: datetime,
    name: str,
    form: forms.Form | None,
) -> dict[str, forms.Form]:
    """The dialogs' forms, the one that was sent back as it was typed."""
    until = (now + timedelta(days=settings.GRANT_DAYS)).date()
    initial = {"modes": answers.get("modes"), "until": until}
    fresh: dict[str, forms.Form] = {
        "approve_form": ApproveForm(initial=initial, repo=access_request.repo),
        "ask_form": AskForm(),
        "decline_form": DeclineForm(),
        "revoke_form": RevokeForm(),
    }
    return fresh | ({f"{name}_form": form} if form else {})
