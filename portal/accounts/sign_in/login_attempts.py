"""Rate limits on wrong passwords, by account and network; a name and its addresses are one account.

Five in five minutes close an account to one network, so that a stranger elsewhere locks nobody out.
A hundred in an hour, from anywhere, close it to networks that it wasn't used in before.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

from portal.accounts.models import User
from portal.accounts.services.holding import account_of

log = logging.getLogger(__name__)
ANYWHERE = "login_failed_anywhere"
KNOWN_SECONDS = int(timedelta(days=90).total_seconds())


def account_meant(credentials: dict[str, Any]) -> str:
    """Return one key for a username and all addresses of an account, whichever was typed."""
    login = str(credentials.get("email") or credentials.get("username") or "").strip().lower()
    person = User.objects.filter(username__iexact=login).first() or account_of(login)
    if person is None:
        claim = EmailAddress.objects.filter(email__iexact=login).select_related("user").first()
        person = claim.user if claim else None
    return f"account:{person.username}" if person else f"nobody:{login}"


def count_anywhere(request: HttpRequest, account: str) -> ratelimit.RateLimitUsage | None:
    """Count an attempt on an account from all networks; return None where it is one too many."""
    if _is_known(request, account):
        return ratelimit.RateLimitUsage(usage=[])
    return ratelimit.consume(request, app="allauth.account", action=ANYWHERE, key=account)


def forget_anywhere(request: HttpRequest, account: str) -> None:
    ratelimit.clear(request, app="allauth.account", action=ANYWHERE, key=account)


def remember_network(request: HttpRequest, account: str) -> None:
    """Remember that an account was used in this network. Losing that only makes limits stricter."""
    try:
        cache.set(_known_key(request, account), True, KNOWN_SECONDS)
    except (RedisError, OSError):
        log.warning("A network of %s can’t be kept, as Redis is away", account)


def _is_known(request: HttpRequest, account: str) -> bool:
    return bool(cache.get(_known_key(request, account)))


def _known_key(request: HttpRequest, account: str) -> str:
    return f"signed-in:{account}:{ratelimit.get_ip(request)}"
