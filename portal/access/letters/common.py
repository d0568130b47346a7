"""How a letter about a request is put into the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from portal.access.models import AccessRequest
from portal.catalog.models import ModelRepo
from portal.outbox.services import queue_letter
from portal.outbox.templates import LetterWords, render_letter


def team_of(repo: ModelRepo) -> str:
    return f"{repo.namespace.display_name} access team"


def scope_of(repo: ModelRepo) -> str:
    """Under which a team's own words for its letters are kept."""
    return f"repo:{repo.pk}"


def send_about(
    access_request: AccessRequest,
    *,
    kind: str,
    key: str,
    subject: str,
    paragraphs: list[str],
    act_label: str,
    facts: Mapping[str, str] | None = None,
    page: str = "",
    due_at: datetime | None = None,
    now: datetime,
) -> None:
    """``facts``: what stands in the place of each ``{name}``. With them the team's own words for
    this kind are used, where it has any; without, the words are sent as they are given."""
    repo = access_request.repo
    words = LetterWords(subject, paragraphs)
    if facts is not None:
        words = render_letter(scope_of(repo), kind, words, {**_always(access_request), **facts})
    queue_letter(
        key=letter_key(access_request, key),
        kind=kind,
        recipient=access_request.applicant,
        subject=f"{words.subject} ({repo.full_name}, request {access_request.reference})",
        paragraphs=words.paragraphs,
        act_label=act_label,
        act_url=f"{settings.BASE_URL}{page or _page(access_request)}",
        reference=access_request.reference,
        team=team_of(repo),
        due_at=due_at,
        now=now,
    )


def letter_key(access_request: AccessRequest, key: str) -> str:
    return f"request-{access_request.pk}-{key}"


def _page(access_request: AccessRequest) -> str:
    return reverse("access:request", args=[access_request.pk])


def _always(access_request: AccessRequest) -> dict[str, str]:
    """Facts of every letter about a request."""
    return {
        "repo": access_request.repo.full_name,
        "reference": access_request.reference,
        "applicant": access_request.applicant.display_name,
    }
