"""Sign and verify links, which say who may have which file until when. None is stored."""

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
    """The content of a signed link. The file's row names its commit; ``variant`` is null today.

    ``grant_id`` is the grant that it was made under, with which it ends; None where the gate is
    open or the holder administers the model.
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
    """Return what was signed. Raises LinkInvalid or LinkExpired.

    Signatures by the keys in SECRET_KEY_FALLBACKS are valid too.
    """
    try:
        content = Signer(salt=SALT).unsign_object(signed)
        file_id, variant, person_id, token_id, grant_id, expiry = content
    except (BadSignature, ValueError) as error:  # ValueError: signed by another release
        raise LinkInvalid from error
    expires_at = datetime.fromtimestamp(expiry, UTC)
    if now >= expires_at:
        raise LinkExpired
    return Link(file_id, person_id, token_id, expires_at, grant_id, variant)


def link_url(link: Link, filename: str) -> str:
    return f"{settings.BASE_URL}{reverse('delivery:link', args=[sign(link), filename])}"
