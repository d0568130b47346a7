"""How a letter of the gate is put into the outbox, in the words of its team."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from portal.access.letters.kinds import KINDS
from portal.access.models import AccessRequest, Grant
from portal.accounts.models import User
from portal.catalog.models import Mode, ModelRepo
from portal.outbox.services import queue_letter
from portal.outbox.templates import LetterWords, fill, render_letter


def team_of(repo: ModelRepo | None) -> str:
    return f"{repo.namespace.display_name} access team" if repo else settings.SITE_NAME


def scope_of(repo: ModelRepo) -> str:
    """Under which a team's own words for its letters are kept."""
    return f"repo:{repo.pk}"


def words_for(
    kind: str, repo: ModelRepo | None, reference: str, facts: Mapping[str, str]
) -> LetterWords:
    """What a letter says: in the team's own words, where it has any for this kind."""
    default = KINDS[kind].words
    if repo is None:  # a hold on the whole site is of no one team
        return fill(default, facts)
    always = {"repo": repo.full_name, "reference": reference}
    return render_letter(scope_of(repo), kind, default, {**always, **facts})


def send(
    *,
    kind: str,
    repo: ModelRepo | None,
    recipient: User,
    key: str,
    about: str,
    facts: Mapping[str, str],
    act_label: str,
    page: str,
    reference: str,
    due_at: datetime | None = None,
    now: datetime,
) -> None:
    """``facts``: what stands in the place of each ``{name}``. ``about`` ends the subject."""
    words = words_for(kind, repo, reference, facts)
    queue_letter(
        key=key,
        kind=kind,
        recipient=recipient,
        subject=f"{words.subject} ({about})",
        paragraphs=words.paragraphs,
        act_label=act_label,
        act_url=f"{settings.BASE_URL}{page}",
        reference=reference,
        team=team_of(repo),
        due_at=due_at,
        now=now,
    )


def send_about(
    access_request: AccessRequest,
    *,
    kind: str,
    key: str,
    act_label: str = "See your request",
    facts: Mapping[str, str] | None = None,
    page: str = "",
    due_at: datetime | None = None,
    now: datetime,
) -> None:
    """To the applicant."""
    repo, applicant = access_request.repo, access_request.applicant
    send(
        kind=kind,
        repo=repo,
        recipient=applicant,
        key=letter_key(access_request, key),
        about=f"{repo.full_name}, request {access_request.reference}",
        facts={"applicant": applicant.display_name, **(facts or {})},
        act_label=act_label,
        page=page or reverse("access:request", args=[access_request.pk]),
        reference=access_request.reference,
        due_at=due_at,
        now=now,
    )


def send_about_grant(
    grant: Grant,
    *,
    kind: str,
    key: str,
    about: str = "",
    act_label: str = "See your grant",
    facts: Mapping[str, str] | None = None,
    page: str = "",
    now: datetime,
) -> None:
    """To its holder."""
    send(
        kind=kind,
        repo=grant.repo,
        recipient=grant.person,
        key=f"{grant_keys(grant)}{key}",
        about=about or grant.repo.full_name,
        facts={"holder": grant.person.display_name, **(facts or {})},
        act_label=act_label,
        page=page or reverse("access:grant", args=[grant.pk]),
        reference=grant.reference,
        now=now,
    )


def letter_key(access_request: AccessRequest, key: str) -> str:
    return f"request-{access_request.pk}-{key}"


def grant_keys(grant: Grant) -> str:
    """How the keys of all letters about a grant begin, by which their delivery is found."""
    return f"grant-{grant.pk}-"


def modes_of(grant: Grant) -> str:
    return " and ".join(Mode(mode).label.lower() for mode in grant.modes)
