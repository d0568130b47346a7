"""A dump as the Research Organization Registry releases it (schema 2), with what we read of it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any


def entry(ror_id: str, name: str, *domains: str, **changed: Any) -> dict[str, Any]:
    """One organization. ``site``: its own page; the rest is set as the registry names it."""
    site = changed.pop("site", None)
    return {
        "admin": {"created": {"date": "2018-11-14", "schema_version": "1.0"}},
        "domains": list(domains),
        "established": 1946,
        "external_ids": [],
        "id": f"https://ror.org/{ror_id}",
        "links": [
            {"type": "wikipedia", "value": "http://en.wikipedia.org/wiki/It"},
            *([{"type": "website", "value": site}] if site else []),
        ],
        "locations": [
            {"geonames_details": {"country_code": "AU", "lat": -35.28}, "geonames_id": 1}
        ],
        "names": [
            {"lang": None, "types": ["acronym"], "value": "ACR"},
            {"lang": "en", "types": ["ror_display", "label"], "value": name},
        ],
        "relationships": [],
        "status": "active",
        "types": ["education", "funder"],
        **changed,
    }


def write_dump(folder: Path, *entries: dict[str, Any]) -> Path:
    path = folder / "v2.0-ror-data.json"
    path.write_text(json.dumps(entries, ensure_ascii=False), "utf-8")
    return path


def zip_dump(path: Path, *others: str) -> Path:
    """Zip a dump as ROR releases it: beside a CSV, and, until 2025, beside the old schema."""
    zipped = path.with_suffix(".zip")
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "v1.63-ror-data_schema_v2.json" if others else path.name)
        archive.writestr("v1.63-ror-data.csv", "id")
        for name in others:
            archive.writestr(name, "[{}]")
    return zipped
