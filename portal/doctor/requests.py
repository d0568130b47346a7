"""Ask over HTTP as a client would, following nothing and within a time limit."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 6
LARGEST_BODY = 1 << 20
FIRST_ERROR = 400


class Unreachable(Exception):
    """An error for an address that gave no answer; the message says why."""


@dataclass(frozen=True)
class ProbeAnswer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    certificate_ends: str = ""


def fetch(
    url: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProbeAnswer:
    """Return the answer. Raises Unreachable."""
    parts = urlsplit(url)
    is_secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if is_secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        connection.connect()
        ends = _certificate_end(connection)
        sent = {"Accept": "application/json", **(headers or {})}
        connection.request(method, path, body=body, headers=sent)
        answer = connection.getresponse()
        received = {name.lower(): value for name, value in answer.getheaders()}
        return ProbeAnswer(answer.status, answer.read(LARGEST_BODY), received, ends)
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(str(error) or type(error).__name__) from error
    finally:
        connection.close()


def _certificate_end(connection: http.client.HTTPConnection) -> str:
    socket = connection.sock
    certificate = socket.getpeercert() if isinstance(socket, ssl.SSLSocket) else None
    return str((certificate or {}).get("notAfter", ""))
