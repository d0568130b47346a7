"""Say who may read the metrics."""

from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from portal.accounts.models import Scope
from portal.accounts.tokens.authentication import bearer_secret, session_caller, token_caller
from portal.client_ip import client_ip

# What proxies add; ours overwrites X-Forwarded-For, and reaches us by a unix socket.
OTHERS_HEADERS = ("Forwarded", "Via", "X-Real-IP")


def may_scrape(request: HttpRequest) -> bool:
    """Tell whether this is the scraper, by its token or its network, or else an operator."""
    return _has_token(request) or _is_near(request) or _is_operator(request)


def _has_token(request: HttpRequest) -> bool:
    secret, expected = bearer_secret(request) or "", settings.METRICS_TOKEN
    return bool(expected) and constant_time_compare(secret, expected)


def _is_near(request: HttpRequest) -> bool:
    """Tell whether the request comes from a network that may read, and by nobody's hands.

    Behind a proxy on the same host everybody seems to come from it. So at a port a request counts
    for its network only where no proxy says that it handed it on; at a unix socket our own nginx
    says whom it got it from.
    """
    if not settings.METRICS_NETWORKS or _was_handed_on(request):
        return False
    client = client_ip(request)
    if client is None:
        return False
    address = ip_address(client)
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in settings.METRICS_NETWORKS)


def _was_handed_on(request: HttpRequest) -> bool:
    if any(name in request.headers for name in OTHERS_HEADERS):
        return True
    at_a_port = bool(request.META.get("REMOTE_ADDR"))
    return at_a_port and any(name.startswith("X-Forwarded-") for name in request.headers)


def _is_operator(request: HttpRequest) -> bool:
    has_token = "Authorization" in request.headers
    caller = token_caller(request) if has_token else session_caller(request)
    scoped = caller.token is None or Scope.ADMIN in caller.token.scopes
    return scoped and caller.person is not None and caller.person.is_superuser
