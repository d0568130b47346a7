"""Find the address that a request came from."""

from __future__ import annotations

from ipaddress import ip_address

from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str | None:
    """Return the peer's address; over a unix socket, the one that our own proxy names."""
    peer = request.META.get("REMOTE_ADDR", "")
    if not peer:
        peer = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    try:
        return str(ip_address(peer))
    except ValueError:
        return None
