"""Name letters by a Message-ID, by which a bounce is known and on which servers insist."""

from __future__ import annotations

import re
from email.utils import parseaddr
from urllib.parse import urlsplit

from django.conf import settings

# Its beginning is the letter's key. Until now its end was the site's name, spaces and all.
MESSAGE_ID = re.compile(r"<([^<>@\s]+)@[^<>]+>")
LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
DOMAIN = re.compile(rf"{LABEL}(?:\.{LABEL})+", re.IGNORECASE)


def message_id(key: str) -> str:
    """Return a Message-ID as RFC 5322 has it, at a domain that is ours."""
    return f"<{key}@{_our_domain()}>"


def keys_in(header: str) -> list[str]:
    """Return what may be keys of our letters, from the Message-IDs in a header."""
    return MESSAGE_ID.findall(header)


def _our_domain() -> str:
    """Return the domain of the sender’s address, else the host of the site’s."""
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
