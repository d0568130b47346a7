"""Sign and verify upload links: who may bring which bytes for which repo until when."""

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
    """The content of a signed link.

    ``sha256`` is empty where the portal is to compute it, and ``token_id`` is 0 where the link was
    made for a person who had signed in. ``staged`` and ``upload_id`` say where in a bucket the
    bytes wait; both are empty where the portal itself takes them.
    """

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
    holder = [link.person_id, link.token_id, link.repo_id]
    content = [link.sha256, link.size_bytes, expiry, link.staged, link.upload_id]
    return Signer(salt=SALT).sign_object([*holder, *content])


def verify(signed: str, *, now: datetime) -> UploadLink:
    """Return what was signed. Raises LinkInvalid or LinkExpired.

    Signatures by the keys in SECRET_KEY_FALLBACKS are valid too.
    """
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
    """Return the URL of a step: ``upload``, ``complete`` or ``verify``."""
    return f"{settings.BASE_URL}{reverse(f'hub:{step}', args=[sign(link)])}"
