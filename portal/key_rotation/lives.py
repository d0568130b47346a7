"""The life of all that the secret key signs: how long a former one has to stay known."""

from __future__ import annotations

from datetime import timedelta

from allauth.account import app_settings
from django.conf import settings

from portal.accounts import mailboxes
from portal.accounts.services import renewal
from portal.delivery import probes
from portal.forms import kept


def signed_lives() -> dict[str, timedelta]:
    """Return how long each kind of what is signed holds, at most."""
    return {
        "sessions": timedelta(seconds=settings.SESSION_COOKIE_AGE),
        "links that reset a password": timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT),
        "links that confirm an address": timedelta(
            days=app_settings.EMAIL_CONFIRMATION_EXPIRE_DAYS
        ),
        "links that renew an affiliation": renewal.LINK_LIFE,
        "links to an address whose mail bounced": mailboxes.LINK_LIFE,
        "download links": settings.LINK_TTL,
        "links to captures": settings.LINK_TTL,
        "upload links": settings.UPLOAD_LINK_TTL,
        "forms that wait for a sign-in": kept.KEPT_FOR,
        "probes of nginx": timedelta(seconds=probes.SECONDS),
    }


def longest_life() -> tuple[str, timedelta]:
    """Return what holds the longest, and how long."""
    return max(signed_lives().items(), key=lambda life: life[1])
