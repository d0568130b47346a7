"""Where a request came from."""

from __future__ import annotations

from ipaddress import ip_address

from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str | None:
    """The peer's address. A unix socket has none: behind it stands our own proxy, which tells."""
    peer = request.META.get("REMOTE_ADDR", "")
    if not peer:
        peer = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    try:
        return str(ip_address(peer))
    except ValueError:
        return None
