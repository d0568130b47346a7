"""Requests of the demo, filed and decided by the services that people use."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.access.applicant.submission import submit_request
from portal.access.models import Acceptance, AccessRequest, Grant
from portal.access.requests.drafts import save_draft, start_draft
from portal.access.requests.form.questions import requestable_modes
from portal.access.requests.signing import Signature
from portal.access.review.decisions.deciding import approve_request
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.catalog.services.licences import require_version_in_force
from portal.demo.cast import CAST

YEAR = timedelta(days=365)


def person(role: str) -> User:
    return User.objects.get(username=role)


def seed_requests(gated: ModelRepo, now: datetime) -> None:
    """Make one decided and one waiting request, whatever else the demo has."""
    for role in ("approved", "applicant"):
        if not AccessRequest.objects.of(person(role)).filter(repo=gated).exists():
            file_request(role, gated, now)
    waiting = AccessRequest.objects.decidable_by(person("reviewer")).filter(repo=gated)
    if waiting.filter(applicant__username="approved").exists():
        approve("approved", gated, now, until=now + YEAR)


def file_request(role: str, repo: ModelRepo, now: datetime, *, entity: str = "") -> AccessRequest:
    applicant = person(role)
    draft = start_draft(applicant=applicant, repo_id=repo.pk, now=now)
    answers = {**CAST[role].answers, "modes": _modes(repo)}
    save_draft(applicant=applicant, request_id=draft.pk, answers=answers, now=now)
    signature = sign(applicant, repo, now, entity=entity)
    return submit_request(applicant=applicant, request_id=draft.pk, signatures=[signature], now=now)


def sign(signer: User, repo: ModelRepo, now: datetime, *, entity: str = "") -> Signature:
    """Return a signature with every attestation, for oneself or for an organization."""
    version = require_version_in_force(repo, now=now)
    capacity = Acceptance.Capacity.ENTITY if entity else Acceptance.Capacity.PERSON
    return Signature(
        text_sha256=version.sha256,
        typed_name=signer.name,
        capacity=str(capacity),
        attestations=frozenset(attestation["code"] for attestation in version.attestations),
        entity=entity,
    )


def approve(
    role: str, repo: ModelRepo, now: datetime, *, until: datetime, by: str = "reviewer"
) -> Grant | None:
    return approve_request(
        reviewer=person(by),
        request_id=request_of(role, repo).pk,
        modes=_modes(repo),
        expires_at=until,
        is_undoable=False,  # so that each account is of use as soon as the demo runs
        now=now,
    )


def request_of(role: str, repo: ModelRepo) -> AccessRequest:
    return AccessRequest.objects.of(person(role)).get(repo=repo)


def grant_of(role: str, repo: ModelRepo) -> Grant:
    grant: Grant = Grant.objects.get(person=person(role), repo=repo)
    return grant


def _modes(repo: ModelRepo) -> list[str]:
    return [str(mode) for mode in requestable_modes(repo)]
