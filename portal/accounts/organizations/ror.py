"""The Research Organization Registry's dump (schema 2), read one record at a time.

What it says becomes plain rows here; which of its domains may prove anything is decided too.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import ijson

from portal.accounts.models import Sector
from portal.accounts.organizations.domains import normal_domain, refused_as_evidence
from portal.text.lines import plain_line

ROR_ID = re.compile(r"0[0-9a-hj-km-np-tv-z]{6}[0-9]{2}")

# The first type that names a sector decides; funders, archives and facilities alone name none.
SECTORS = {
    "education": Sector.ACADEMIA,
    "government": Sector.GOVERNMENT,
    "company": Sector.INDUSTRY_LAB,
    "nonprofit": Sector.CIVIL_SOCIETY,
}


@dataclass
class Record:
    """One organization: the domains that it names, and the host of its own site. One that is
    inactive or withdrawn has neither."""

    ror_id: str
    name: str
    country: str
    sector: str
    domains: list[str] = field(default_factory=list)
    site: str = ""
    is_active: bool = True


class UnreadableDump(ValueError):
    """Not a dump of the registry, or not of schema 2."""


def read_dump(path: Path) -> Iterator[Record]:
    """The dump's organizations, one at a time, from plain JSON or the zip as released."""
    try:
        with _opened(path) as stream:
            for raw in ijson.items(stream, "item", use_float=True):
                yield _record(raw)
    except (ijson.JSONError, zipfile.BadZipFile, LookupError, TypeError, AttributeError) as error:
        raise UnreadableDump(
            f"{path.name} is no ROR dump of schema 2: {error or type(error).__name__}"
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as stream:
            yield stream
        return
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".json")]
        # releases of 2024 and 2025 hold schema 1 beside schema 2, which is marked
        chosen = [name for name in names if "schema_v2" in name] or names
        if len(chosen) != 1:
            raise UnreadableDump(f"{path.name} holds {len(chosen)} JSON files, not one.")
        with archive.open(chosen[0]) as stream:
            yield stream


def _record(raw: dict[str, Any]) -> Record:
    ror_id = raw["id"].removeprefix("https://ror.org/")
    if not ROR_ID.fullmatch(ror_id):
        raise UnreadableDump(f"{ror_id[:40]!r} is no ROR id.")
    is_active = raw["status"] == "active"
    shown = [each["value"] for each in raw["names"] if "ror_display" in each["types"]]
    places = [each["geonames_details"].get("country_code") or "" for each in raw["locations"]]
    return Record(
        ror_id=ror_id,
        name=plain_line(shown[0])[:300],
        country=places[0] if places else "",
        sector=next((str(SECTORS[each]) for each in raw["types"] if each in SECTORS), ""),
        domains=list(raw["domains"]) if is_active else [],
        site=_site(raw["links"]) if is_active else "",
        is_active=is_active,
    )


def _site(links: list[dict[str, str]]) -> str:
    """The host of its own web site. A site below a path shares its host with others."""
    for link in links:
        if link["type"] != "website":
            continue
        try:
            parts = urlsplit(link["value"])
            host, path = parts.hostname or "", parts.path
        except ValueError:
            continue
        if host and path in ("", "/"):
            return host.removeprefix("www.")
    return ""


def evidence(records: list[Record]) -> tuple[dict[str, str], Counter[str]]:
    """Which domain proves which ROR id, and how many were dropped, by reason.

    A domain that the registry lists goes before a web site's host. One that several organizations
    claim with the same right proves neither.
    """
    dropped: Counter[str] = Counter()
    names = [(each.ror_id, name) for each in records for name in each.domains]
    named = {normal_domain(name) for _, name in names}
    sites = [(each.ror_id, each.site) for each in records if each.site]
    hosts = [claim for claim in sites if normal_domain(claim[1]) not in named]
    return _sole_claims(names, dropped) | _sole_claims(hosts, dropped), dropped


def _sole_claims(claims: list[tuple[str, str]], dropped: Counter[str]) -> dict[str, str]:
    claimants: dict[str, set[str]] = defaultdict(set)
    for ror_id, written in claims:
        if reason := refused_as_evidence(written):
            dropped[reason] += 1
        else:
            claimants[normal_domain(written) or ""].add(ror_id)
    dropped["claimed by several"] += sum(len(ids) > 1 for ids in claimants.values())
    return {domain: next(iter(ids)) for domain, ids in claimants.items() if len(ids) == 1}
