"""Signed links to bring bytes by: who may bring which bytes for which repo until when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from portal.delivery.errors import LinkExpired, LinkInvalid

SALT = "portal.hub.uploads.links"


@dataclass(frozen=True)
class UploadLink:
    """What a signature covers. ``staged`` and ``upload_id`` say where in a bucket the bytes wait;
    both are empty where the portal itself takes them."""

    person_id: int
    token_id: int
    repo_id: int
    sha256: str
    size_bytes: int
    expires_at: datetime
    staged: str = ""
    upload_id: str = ""

    def staged_at(self, staged: str, upload_id: str) -> UploadLink:
        return replace(self, staged=staged, upload_id=upload_id)


def sign(link: UploadLink) -> str:
    expiry = int(link.expires_at.timestamp())
    who = [link.person_id, link.token_id, link.repo_id]
    what = [link.sha256, link.size_bytes, expiry, link.staged, link.upload_id]
    return Signer(salt=SALT).sign_object([*who, *what])


def verify(signed: str, *, now: datetime) -> UploadLink:
    """Raises LinkInvalid, or LinkExpired. Keys in SECRET_KEY_FALLBACKS still count."""
    try:
        content = Signer(salt=SALT).unsign_object(signed)
        person, token, repo, sha256, size, expiry, staged, upload_id = content
    except (BadSignature, ValueError) as error:
        raise LinkInvalid from error
    expires_at = datetime.fromtimestamp(expiry, UTC)
    if now >= expires_at:
        raise LinkExpired
    return UploadLink(person, token, repo, sha256, size, expires_at, staged, upload_id)


def link_url(link: UploadLink, step: str) -> str:
    """``step`` is ``upload``, ``complete`` or ``verify``."""
    return f"{settings.BASE_URL}{reverse(f'hub:{step}', args=[sign(link)])}"
