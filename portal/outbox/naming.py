"""Make Message-IDs from the keys of letters, so that a bounce names the letter it is about."""

from __future__ import annotations

import re
from email.utils import parseaddr
from urllib.parse import urlsplit

from django.conf import settings

# It begins with the letter's key. Older letters end in the site's name, spaces and all.
MESSAGE_ID = re.compile(r"<([^<>@\s]+)@[^<>]+>")
LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
DOMAIN = re.compile(rf"{LABEL}(?:\.{LABEL})+", re.IGNORECASE)


def message_id(key: str) -> str:
    """Return a Message-ID after RFC 5322, at a domain of ours."""
    return f"<{key}@{_our_domain()}>"


def keys_in(header: str) -> list[str]:
    """Return the possible keys of our letters among the Message-IDs in a header."""
    return MESSAGE_ID.findall(header)


def _our_domain() -> str:
    """Return the domain of the sender’s address, or else the host of the site."""
    sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    if domain := _as_domain(sender):
        return domain
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    return f"[IPv6:{host}]" if ":" in host else _as_domain(host) or "localhost"


def _as_domain(name: str) -> str:
    """Return the name in ASCII if it is a domain of several parts, else an empty text."""
    try:
        ascii_name = name.encode("idna").decode()
    except UnicodeError:
        return ""
    return ascii_name if DOMAIN.fullmatch(ascii_name) else ""
