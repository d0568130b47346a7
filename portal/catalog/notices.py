"""Headers that carry a licence along with each file."""

from __future__ import annotations

import unicodedata

from django.conf import settings

from portal.catalog.models import LicenceVersion

SPELT = str.maketrans(
    {
        "©": "(c)",
        "®": "(R)",
        "™": "(TM)",
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
    }
)


def licence_headers(version: LicenceVersion | None) -> dict[str, str]:
    """Return the headers with the licence's address and the notice to keep with every copy."""
    if version is None:
        return {}
    return {
        "Link": f'<{settings.BASE_URL}{version.path}>; rel="license"',
        "X-Licence-Attribution": _ascii(version.attribution),
    }


def _ascii(text: str) -> str:
    """Return one line of ASCII, as a header needs; the exact words are behind the link."""
    plain = unicodedata.normalize("NFKD", text.translate(SPELT))
    return " ".join(plain.encode("ascii", "ignore").decode().split())
