"""Headers that refusals of several surfaces carry."""

from __future__ import annotations

from django.http import HttpResponse

from portal.errors import DomainError

LONGEST_LINE = 1000  # nginx accepts 4 kB of headers from the portal in all


def ascii_line(text: str) -> str:
    """Return a text as a header's value: one line of printable ASCII, quotes and dashes plain."""
    plain = text.translate({0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2013: "-", 0x2014: "-"})
    line = " ".join(plain.encode("ascii", "replace").decode().split())[:LONGEST_LINE]
    return "".join(character if character.isprintable() else "?" for character in line)


def with_retry_after(response: HttpResponse, error: DomainError) -> HttpResponse:
    for name, value in retry_headers(error).items():
        response[name] = value
    return response


def retry_headers(error: DomainError) -> dict[str, str]:
    """Return a Retry-After header for a refusal that passes by itself, else no header."""
    retry_after = getattr(error, "retry_after_seconds", None)
    return {"Retry-After": str(retry_after)} if retry_after else {}
