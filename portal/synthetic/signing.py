"""File and sign, as a person does who ticks every box."""

from __future__ import annotations

from datetime import datetime

from portal.access.requests.signing import Signature
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.catalog.services.licences import require_version_in_force


def sign(signer: User, repo: ModelRepo, now: datetime, *, entity: str = "") -> Signature:
    """Return a signature with every attestation, for oneself or for an organization."""
    version = require_version_in_force(repo, now=now)
    return Signature(
        text_sha256=version.sha256,
        typed_name=signer.name,
        capacity="entity" if entity else "person",
        attestations=frozenset(attestation["code"] for attestation in version.attestations),
        entity=entity,
    )
