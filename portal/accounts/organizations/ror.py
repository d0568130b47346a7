"""Read the Research Organization Registry's dump (schema 2), one record at a time.

Its records become plain rows here. ``evidence`` decides which of its domains prove affiliation.
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

# The first type with a sector decides; funders, archives and facilities have none.
SECTORS = {
    "education": Sector.ACADEMIA,
    "government": Sector.GOVERNMENT,
    "company": Sector.INDUSTRY_LAB,
    "nonprofit": Sector.CIVIL_SOCIETY,
}


@dataclass
class Record:
    """An organization of the dump, with its domains and the host of its web site.

    One that is inactive or withdrawn has neither.
    """

    ror_id: str
    name: str
    country: str
    sector: str
    domains: list[str] = field(default_factory=list)
    site: str = ""
    is_active: bool = True


class UnreadableDump(ValueError):
    """The file is no dump of the registry, or not of schema 2."""


def read_dump(path: Path) -> Iterator[Record]:
    """Yield the dump's organizations, from plain JSON or the zip as released."""
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
    display_names = [name["value"] for name in raw["names"] if "ror_display" in name["types"]]
    places = [place["geonames_details"].get("country_code") or "" for place in raw["locations"]]
    return Record(
        ror_id=ror_id,
        name=plain_line(display_names[0])[:300],
        country=places[0] if places else "",
        sector=next((str(SECTORS[kind]) for kind in raw["types"] if kind in SECTORS), ""),
        domains=list(raw["domains"]) if is_active else [],
        site=_site(raw["links"]) if is_active else "",
        is_active=is_active,
    )


def _site(links: list[dict[str, str]]) -> str:
    """Return the host of an organization's web site, unless the site shares it with others."""
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
    """Return the ROR id that each domain proves, and the numbers of dropped domains by reason.

    A domain that the registry lists counts before the host of a web site. A domain that several
    organizations claim in the same way proves none of them.
    """
    dropped: Counter[str] = Counter()
    names = [(record.ror_id, name) for record in records for name in record.domains]
    named = {normal_domain(name) for _, name in names}
    sites = [(record.ror_id, record.site) for record in records if record.site]
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
