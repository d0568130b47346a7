"""Count a month's downloads and hosted use by sector, with the people behind each count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from portal.access.models import AccessRequest
from portal.delivery.models import Download
from portal.jobs.models import Job

ANONYMOUS = "open"  # open models ask nobody to sign in, so nobody is known who could be identified


@dataclass(frozen=True)
class UseOfSector:
    """The use of a sector's people; ``counts`` by the name of what is counted."""

    people: int
    counts: dict[str, float]


def downloads_between(first: datetime, after: datetime) -> dict[str, UseOfSector]:
    """Count the files of public models that were fetched, by the sector of who asked for access.

    Members of an organization's grant made no request themselves: theirs isn't said.
    """
    requests = AccessRequest.objects.filter(
        applicant=OuterRef("person"), repo=OuterRef("revision__repo"), submitted_at__isnull=False
    )
    rows = Download.objects.filter(
        started_at__gte=first, started_at__lt=after, revision__repo__private=False
    )
    counted = (
        rows.order_by()
        .annotate(sector=Subquery(requests.order_by("-submitted_at").values("sector")[:1]))
        .values("sector")
        .annotate(
            people=Count("person", distinct=True),
            known=Count("pk", filter=Q(person__isnull=False)),
            unknown=Count("pk", filter=Q(person=None)),
            sent=Coalesce(Sum("bytes_sent", filter=Q(person__isnull=False)), 0),
            sent_openly=Coalesce(Sum("bytes_sent", filter=Q(person=None)), 0),
        )
    )
    use: dict[str, UseOfSector] = {}
    for row in counted:
        if row["unknown"]:
            openly = {"downloads": row["unknown"], "bytes": row["sent_openly"]}
            use[ANONYMOUS] = UseOfSector(row["unknown"], openly)
        if row["known"]:
            counts = {"downloads": row["known"], "bytes": row["sent"]}
            use[row["sector"] or ""] = UseOfSector(row["people"], counts)
    return use


def hosted_between(first: datetime, after: datetime) -> dict[str, UseOfSector]:
    """Count the hosted jobs on public models that ended, by the sector of the organization."""
    jobs = Job.objects.filter(ended_at__gte=first, ended_at__lt=after, repo__private=False)
    counted = (
        jobs.order_by()
        .values("organization__sector")
        .annotate(
            people=Count("person", distinct=True),
            jobs=Count("pk"),
            prompt=Sum("prompt_tokens"),
            written=Sum("completion_tokens"),
            energy=Sum("energy_wh"),
            carbon=Sum("co2_g"),
        )
    )
    return {
        row["organization__sector"] or "": UseOfSector(
            row["people"],
            {
                "tokens": row["prompt"] + row["written"],
                "jobs": row["jobs"],
                "energy_wh": row["energy"],
                "co2_g": row["carbon"],
            },
        )
        for row in counted
    }
