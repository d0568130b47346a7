"""Signed links: who may have which file until when. Nothing is stored for one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from portal.delivery.errors import LinkExpired, LinkInvalid

SALT = "portal.delivery.links"


@dataclass(frozen=True)
class Link:
    """What a signature covers. The file's row names its commit; ``variant`` is null today.

    ``grant_id``: the grant that it was made under, with which it dies; None where the gate is open
    or the holder administers the model.
    """

    file_id: int
    person_id: int | None
    token_id: int | None
    expires_at: datetime
    grant_id: int | None = None
    variant: str | None = None


def sign(link: Link) -> str:
    expiry = int(link.expires_at.timestamp())
    content = [link.file_id, link.variant, link.person_id, link.token_id, link.grant_id, expiry]
    return Signer(salt=SALT).sign_object(content)


def verify(signed: str, *, now: datetime) -> Link:
    """Raises LinkInvalid, or LinkExpired. Keys in SECRET_KEY_FALLBACKS still count."""
    try:
        content = Signer(salt=SALT).unsign_object(signed)
        file_id, variant, person_id, token_id, grant_id, expiry = content
    except (BadSignature, ValueError) as error:  # ValueError: of another release
        raise LinkInvalid from error
    expires_at = datetime.fromtimestamp(expiry, UTC)
    if now >= expires_at:
        raise LinkExpired
    return Link(file_id, person_id, token_id, expires_at, grant_id, variant)


def link_url(link: Link, filename: str) -> str:
    return f"{settings.BASE_URL}{reverse('delivery:link', args=[sign(link), filename])}"
