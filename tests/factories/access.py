"""Requests and grants, made by the services that make them in life."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from portal.access.applicant.submission import submit_request
from portal.access.grants.licence_gate import sign_for_grant
from portal.access.models import AccessRequest, Grant
from portal.access.requests.drafts import save_draft, start_draft
from portal.access.requests.form.questions import requestable_modes
from portal.access.requests.signing import Signature
from portal.access.requests.texts_to_sign import texts_to_sign
from portal.access.review.decisions.deciding import approve_request
from portal.accounts.models import User
from portal.catalog.models import LicenceVersion, ModelRepo
from portal.catalog.services.licences import require_version_in_force
from tests.factories.accounts import LONG_AGO, make_user
from tests.factories.affiliations import affiliate
from tests.factories.catalog import make_reviewer

ANSWERS: dict[str, Any] = {
    "name": "Researcher Name",
    "organization": "Example University",
    "country": "NL",
    "sector": "academia",
    "purpose": "We study calibration in models of this size.",
    "outputs": "A paper and code.",
    "compute": "One node of eight GPUs.",
}


def make_signature(person: User, repo: ModelRepo, *, now: datetime, **changed: Any) -> Signature:
    return signature_of(person, require_version_in_force(repo, now=now), **changed)


def signature_of(person: User, version: LicenceVersion, **changed: Any) -> Signature:
    return Signature(
        **{
            "text_sha256": version.sha256,
            "typed_name": person.display_name,
            "capacity": "person",
            "attestations": frozenset(attestation["code"] for attestation in version.attestations),
            "ip": "192.0.2.17",
            **changed,
        }
    )


def make_draft(
    repo: ModelRepo, applicant: User, *, now: datetime = LONG_AGO, **changed: Any
) -> AccessRequest:
    draft = start_draft(applicant=applicant, repo_id=repo.pk, now=now)
    modes = [str(mode) for mode in requestable_modes(repo)]
    return save_draft(
        applicant=applicant,
        request_id=draft.pk,
        answers={**ANSWERS, "name": applicant.name, "modes": modes, **changed},
        now=now,
    )


def make_request(
    repo: ModelRepo, applicant: User | None = None, *, now: datetime = LONG_AGO, **changed: Any
) -> AccessRequest:
    """Make a submitted request, in review."""
    applicant = applicant or make_user()
    draft = make_draft(repo, applicant, now=now, **changed)
    return submit_request(
        applicant=applicant,
        request_id=draft.pk,
        signatures=[signature_of(applicant, text.version) for text in texts_to_sign(draft, now)],
        now=now,
    )


def make_proved_request(repo: ModelRepo, *, now: datetime = LONG_AGO) -> AccessRequest:
    """Make a submitted request of somebody proved to work where they say, with no flag."""
    applicant = make_user()
    affiliate(applicant)
    return make_request(repo, applicant, now=now, purpose=f"{applicant.username} studies bias.")


def make_grant(
    repo: ModelRepo,
    person: User | None = None,
    *,
    modes: list[str] | None = None,
    now: datetime = LONG_AGO,
    days: int = 365,
) -> Grant:
    """Make an active grant: requested, signed and approved for good; or signed at the gate."""
    person = person or make_user()
    if not repo.takes_requests:
        signature = make_signature(person, repo, now=now)
        return sign_for_grant(person=person, repo_id=repo.pk, signature=signature, now=now)
    request = make_request(repo, person, now=now)
    return approve_request(
        reviewer=make_reviewer(request.repo),  # through a collection, its lead
        request_id=request.pk,
        modes=modes or [str(mode) for mode in requestable_modes(repo)],
        expires_at=now + timedelta(days=days),
        is_undoable=False,
        now=now,
    )
