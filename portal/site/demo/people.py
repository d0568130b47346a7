"""The demo's accounts, named by role, each with a token of all the scopes it may use."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from portal.access.models import AccessRequest
from portal.access.questions import requestable_modes
from portal.access.services.drafting import save_draft, start_draft
from portal.access.services.review import approve_request
from portal.access.services.signing import Signature, licence_in_force
from portal.access.services.submission import submit_request
from portal.accounts.errors import UnknownToken
from portal.accounts.models import Namespace, User
from portal.accounts.scopes import scopes_of
from portal.accounts.services import (
    create_lab,
    create_user,
    issue_token,
    let_publish,
    token_from_secret,
)
from portal.catalog.models import ModelRepo, TeamMember
from portal.catalog.services.repos import add_team_member
from portal.site.demo.models import LAB

Account = dict[str, str]
NAMES = {
    "approved": "Approved Researcher",
    "applicant": "Waiting Applicant",
    "newcomer": "New Researcher",
    "reviewer": "Lab Reviewer",
    "publisher": "Model Publisher",
    "publisher2": "Second Publisher",
    "operator": "Portal Operator",
}


def seed_person(role: str, known: Account, now: datetime) -> Account:
    """The account of a role, with its password; made where there is none yet."""
    user = User.objects.filter(username=role).first()
    password = known.get("password", "") or secrets.token_urlsafe(12)
    if user is None:
        user = create_user(
            username=role,
            email=f"{role}@example.edu",
            name=NAMES[role],
            password=password,
            now=now,
            email_verified=True,
            is_superuser=role == "operator",
        )
    elif not known.get("password"):
        user.set_password(password)
        user.save(update_fields=["password"])
    return {"username": role, "email": user.email, "password": password}


def seed_token(role: str, known: str, now: datetime) -> str:
    """The token that the role had, if it lasts; else one of all the scopes it may use."""
    user = User.objects.get(username=role)
    try:
        token_from_secret(known, now=now + timedelta(days=7))
    except UnknownToken:
        scopes = [str(scope) for scope in scopes_of(user)]
        _, known = issue_token(owner=user, name="demo", scopes=scopes, days=365, now=now)
    return known


def seed_lab(operator: User, now: datetime) -> None:
    if not Namespace.objects.filter(name=LAB).exists():
        create_lab(actor=operator, name=LAB, title="Example Lab", now=now)


def seed_rights(operator: User, gated: ModelRepo, now: datetime) -> None:
    """Publishers in their own namespaces; the reviewer on the gated repo's team."""
    for role in ("publisher", "publisher2"):
        person = User.objects.get(username=role)
        let_publish(actor=operator, namespace=person.namespace, user=person, now=now)
    add_team_member(
        actor=operator,
        repo_id=gated.pk,
        user=User.objects.get(username="reviewer"),
        role=TeamMember.Role.ADMINISTRATOR,
        now=now,
    )


ANSWERS: dict[str, dict[str, Any]] = {
    "approved": {
        "organization": "Example University",
        "country": "NL",
        "sector": "academia",
        "purpose": "We study whether a model’s log-probabilities on source code tell which of its "
        "completions run. A small model with open internals is the first point of the curve.",
        "outputs": "A paper, the probing code, and the prompts with their completions.",
        "compute": "One workstation with a 24 GB card, and a share of a cluster.",
    },
    "applicant": {
        "organization": "Institute for Language Studies",
        "country": "KE",
        "sector": "civil_society",
        "purpose": "We audit how models reproduce their training text, and need one whose whole "
        "corpus is public, so that memorization can be counted exactly.",
        "outputs": "A public report with counts, and the tool that made them.",
        "compute": "None of our own; hosted inference would do.",
    },
}


def seed_requests(gated: ModelRepo, now: datetime) -> None:
    """One request decided, one waiting; both filed by the services that people use."""
    for role in ("approved", "applicant"):
        applicant = User.objects.get(username=role)
        if not AccessRequest.objects.of(applicant).filter(repo=gated).exists():
            _file_request(applicant, gated, ANSWERS[role], now)
    reviewer = User.objects.get(username="reviewer")
    waiting = AccessRequest.objects.decidable_by(reviewer).filter(repo=gated)
    if request := waiting.filter(applicant__username="approved").first():
        approve_request(
            reviewer=reviewer,
            request_id=request.pk,
            modes=[str(mode) for mode in requestable_modes(gated)],
            expires_at=now + timedelta(days=365),
            now=now,
        )


def _file_request(
    applicant: User, repo: ModelRepo, answers: dict[str, Any], now: datetime
) -> AccessRequest:
    draft = start_draft(applicant=applicant, repo_id=repo.pk, now=now)
    modes = [str(mode) for mode in requestable_modes(repo)]
    save_draft(
        applicant=applicant,
        request_id=draft.pk,
        answers={**answers, "name": applicant.name, "modes": modes},
        now=now,
    )
    version = licence_in_force(repo, now=now)
    signature = Signature(
        text_sha256=version.sha256,
        typed_name=applicant.name,
        capacity="person",
        attestations=frozenset(each["code"] for each in version.attestations),
    )
    return submit_request(applicant=applicant, request_id=draft.pk, signature=signature, now=now)
