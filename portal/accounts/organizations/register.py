"""Import organizations from the Research Organization Registry, or from the demo's list."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import transaction

from portal.accounts.models import Organization, OrganizationDomain
from portal.accounts.organizations.ror import Record, evidence

SEED = Path(__file__).parent / "data" / "organizations.json"
BATCH = 1000
FIELDS = ("name", "country", "sector")


@dataclass
class Imported:
    """The changes that an import made, or would make in a dry run."""

    new: int = 0
    changed: int = 0
    inactive: int = 0
    domains_new: int = 0
    domains_gone: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


@transaction.atomic
def import_organizations(
    *, records: Iterable[Record], now: datetime, dry_run: bool = False
) -> Imported:
    """Create or update organizations by their ROR ids, with the domains that prove affiliation.

    One that became inactive keeps its row, since proofs refer to it, but loses its domains; proofs
    in force are left to expire. Repeating an import changes nothing.
    """
    records = list(records)
    done = Imported(inactive=sum(not record.is_active for record in records))
    ids = _upsert(records, done, now)
    wanted, done.dropped = evidence(records)
    _set_domains(ids, wanted, done)
    transaction.set_rollback(dry_run)
    return done


def _upsert(records: list[Record], done: Imported, now: datetime) -> dict[str, int]:
    """Create or update the organizations of these records; return their keys by ROR id."""
    known = {row.ror_id: row for row in Organization.objects.exclude(ror_id=None)}
    new, changed = [], []
    for record in records:
        organization = known.get(record.ror_id)
        if organization is None:
            if record.is_active:
                new.append(_organization(record, now))
        elif any(str(getattr(organization, name)) != getattr(record, name) for name in FIELDS):
            for name in FIELDS:
                setattr(organization, name, getattr(record, name))
            changed.append(organization)
    Organization.objects.bulk_create(new, batch_size=BATCH)
    Organization.objects.bulk_update(changed, FIELDS, batch_size=BATCH)
    done.new, done.changed = len(new), len(changed)
    mentioned = {record.ror_id for record in records}
    rows = [*known.values(), *new]
    return {row.ror_id: row.pk for row in rows if row.ror_id in mentioned}


def _organization(record: Record, now: datetime) -> Organization:
    values = {name: getattr(record, name) for name in FIELDS}
    return Organization(ror_id=record.ror_id, created_at=now, **values)


def _set_domains(ids: dict[str, int], wanted: dict[str, str], done: Imported) -> None:
    """Give these organizations the wanted domains, and no others.

    Deletions come first, since a domain may pass from one organization to another.
    """
    owners = dict(OrganizationDomain.objects.values_list("domain", "organization_id"))
    imported = set(ids.values())
    wanted_by = {domain: ids[ror_id] for domain, ror_id in wanted.items()}
    gone = [
        domain
        for domain, owner in owners.items()
        if owner in imported and wanted_by.get(domain) != owner
    ]
    free = {domain for domain in wanted_by if domain not in owners or domain in gone}
    taken = [domain for domain in wanted_by if domain not in free]
    done.dropped["held by an organization of our own"] = sum(
        owners[domain] != wanted_by[domain] for domain in taken
    )
    OrganizationDomain.objects.filter(domain__in=gone).delete()
    rows = [OrganizationDomain(domain=name, organization_id=wanted_by[name]) for name in free]
    OrganizationDomain.objects.bulk_create(rows, batch_size=BATCH)
    done.domains_new, done.domains_gone = len(rows), len(gone)


@transaction.atomic
def load_seed(*, now: datetime) -> int:
    """Create the demo's organizations, all invented and on domains reserved for examples.

    Return how many there are. Repeating it changes nothing.
    """
    entries = json.loads(SEED.read_text("utf-8"))
    for entry in entries:
        values = {name: entry[name] for name in FIELDS}
        if OrganizationDomain.objects.filter(domain__in=entry["domains"]).exists():
            continue
        organization = Organization.objects.create(created_at=now, **values)
        OrganizationDomain.objects.bulk_create(
            OrganizationDomain(organization=organization, domain=domain)
            for domain in entry["domains"]
        )
    return len(entries)
