"""Roll up the downloads of a model by person, organization or revision.

Bytes are those sent; while it still runs, or where a bucket sends them, those asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Count, Max, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from portal.access.reporting.affiliations_of_users import workplaces_of
from portal.accounts.models import User
from portal.catalog.models import ModelRepo, Revision
from portal.delivery.models import Download

NAMELESS = "Nobody signed in"
NO_WORKPLACE = "No organization named"


class Grouping(StrEnum):
    """The ways to roll downloads up."""

    PERSON = "person"
    ORGANIZATION = "organization"
    REVISION = "revision"


@dataclass(frozen=True)
class UsageLine:
    """A line of a roll-up; ``key`` is a username, an organization's name or a commit."""

    key: str
    label: str
    people: int
    downloads: int
    size_bytes: int
    last_at: datetime


def usage_of(
    repo: ModelRepo, by: Grouping, *, since: datetime | None = None, until: datetime | None = None
) -> list[UsageLine]:
    """Roll up a model's downloads, most bytes first; ``since`` is included, ``until`` is not.

    It takes four queries at most, however many downloads there are.
    """
    lines = ROLLED[by](repo, _downloads(repo, since, until))
    return sorted(lines, key=lambda line: (-line.size_bytes, line.key))


def _downloads(
    repo: ModelRepo, since: datetime | None, until: datetime | None
) -> QuerySet[Download]:
    within = Q(revision__repo=repo)
    within &= Q(started_at__gte=since) if since else Q()
    within &= Q(started_at__lt=until) if until else Q()
    return Download.objects.filter(within).order_by()


def _summed(downloads: QuerySet[Download], key: str) -> list[dict[str, Any]]:
    rows = downloads.values(key).annotate(
        downloads=Count("pk"),
        people=Count("person", distinct=True),
        size_bytes=Sum(Coalesce("bytes_sent", "length_bytes")),
        last_at=Max("started_at"),
    )
    return list(rows)


def _by_person(repo: ModelRepo, downloads: QuerySet[Download]) -> list[UsageLine]:
    rows = _summed(downloads, "person")
    people = User.objects.in_bulk([row["person"] for row in rows if row["person"]])
    lines = []
    for row in rows:
        person = people.get(row["person"])
        key = person.username if person else ""
        lines.append(_line(key, person.display_name if person else NAMELESS, [row]))
    return lines


def _by_organization(repo: ModelRepo, downloads: QuerySet[Download]) -> list[UsageLine]:
    rows = _summed(downloads, "person")
    organizations = workplaces_of(repo, [row["person"] for row in rows if row["person"]])
    by_organization: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_organization.setdefault(organizations.get(row["person"], ""), []).append(row)
    return [_line(name, name or NO_WORKPLACE, rows) for name, rows in by_organization.items()]


def _by_revision(repo: ModelRepo, downloads: QuerySet[Download]) -> list[UsageLine]:
    rows = _summed(downloads, "revision")
    revisions = Revision.everything.in_bulk([row["revision"] for row in rows])
    lines = []
    for row in rows:
        revision = revisions[row["revision"]]
        lines.append(_line(revision.commit, revision.title, [row]))
    return lines


def _line(key: str, label: str, rows: Iterable[dict[str, Any]]) -> UsageLine:
    summed: Sequence[dict[str, Any]] = list(rows)
    return UsageLine(
        key=key,
        label=label,
        people=sum(row["people"] for row in summed),
        downloads=sum(row["downloads"] for row in summed),
        size_bytes=sum(row["size_bytes"] for row in summed),
        last_at=max(row["last_at"] for row in summed),
    )


ROLLED: dict[Grouping, Callable[[ModelRepo, QuerySet[Download]], list[UsageLine]]] = {
    Grouping.PERSON: _by_person,
    Grouping.ORGANIZATION: _by_organization,
    Grouping.REVISION: _by_revision,
}
