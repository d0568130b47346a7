"""The list of models: what may be filtered and sorted by, in a fixed number of queries."""

from __future__ import annotations

import re
from typing import Any, cast

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, F, Func, Max, Q, Value
from django.db.models.functions import Concat
from django.http import QueryDict
from django.utils import timezone

from portal.accounts.authentication import Caller
from portal.catalog.models import File, Gate, ModelRepo, Ref, Revision
from portal.catalog.querysets import ModelRepoQuerySet, shown
from portal.catalog.services.licences import versions_in_force
from portal.catalog.services.reading import DEFAULT_BRANCH
from portal.delivery.popularity import recent_downloads
from portal.errors import Invalid
from portal.hub import serializers
from portal.hub.http import flag

EVERYWHERE = {serializers.LIBRARY, "safetensors", serializers.PIPELINE}
NEWEST = F("modified_at").desc(nulls_last=True)
BY_NAME: list[Any] = ["listed_name", "pk"]
ORDERS: dict[str, list[Any]] = {
    "": BY_NAME,
    "createdAt": [F("created_at").desc(), "pk"],
    "lastModified": [NEWEST, "pk"],
    # asked for by clients, and not ranked by here
    **dict.fromkeys(
        ("likes", "likes7d", "likes30d", "trending", "trendingScore", "mainSize"), BY_NAME
    ),
}
BY_DOWNLOADS = ("downloads", "downloadsAllTime")
SPELT = {"created_at": "createdAt", "last_modified": "lastModified", "modified": "lastModified"}
ELSEWHERE = ("apps", "inference_provider")
"""What no model here has: asking for it finds none."""
SIZE = re.compile(r"(min|max):([0-9]+(?:\.[0-9]+)?)([KMBT]?)", re.IGNORECASE)
SIZES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def listed(query: QueryDict, caller: Caller) -> ModelRepoQuerySet[ModelRepo]:
    """The repos that the caller may see, as the query narrows and orders them."""
    visible = ModelRepo.objects.visible_through(caller).with_names()
    repos = visible.annotate(
        listed_name=Concat("namespace__name", Value("/"), "name"),
        modified_at=Max("revisions__created_at", filter=shown("revisions")),
    )
    if author := query.get("author"):
        repos = repos.filter(namespace__name__iexact=author)
    if search := query.get("search"):
        repos = repos.filter(listed_name__icontains=search)
    if "gated" in query:
        is_open = Q(download_gate=Gate.OPEN)
        repos = repos.filter(~is_open if flag(query, "gated") else is_open)
    for tag in _tags(query):
        repos = repos.filter(_tagged(tag))
    repos = repos.filter(_sized(query.get("num_parameters", "")), _served(query))
    return cast("ModelRepoQuerySet[ModelRepo]", repos.order_by(*_order(query.get("sort", ""))))


def _order(name: str) -> list[Any]:
    """Return what to order by; clients of the Hub spell some of the names in two ways."""
    if name in BY_DOWNLOADS:
        return [_rank().asc(nulls_last=True), *BY_NAME]
    name = SPELT.get(name, name)
    if name not in ORDERS:
        known = ", ".join(sorted([*filter(None, ORDERS), "downloads"]))
        raise Invalid(f"sort is one of {known}.", field="sort")
    return ORDERS[name]


def _rank() -> Func:
    """A repo's place among those that were downloaded of late; null for the others."""
    counts = recent_downloads(timezone.now())
    ranked = sorted(counts, key=lambda pk: (-counts[pk], pk))
    keys = Value(ranked, output_field=ArrayField(BigIntegerField()))
    return Func(keys, F("pk"), function="array_position", output_field=BigIntegerField())


def _sized(asked: str) -> Q:
    """``min:6B,max:128B``, or one of the two."""
    wanted = Q()
    for part in filter(None, asked.split(",")):
        found = SIZE.fullmatch(part.strip())
        if found is None:
            raise Invalid("num_parameters is as min:6B,max:128B.", field="num_parameters")
        bound, number, unit = found.groups()
        lookup = "parameters__gte" if bound.lower() == "min" else "parameters__lte"
        wanted &= Q(**{lookup: int(float(number) * SIZES[unit.upper()])})
    return wanted


def _served(query: QueryDict) -> Q:
    """``inference=warm``: hosted here and now."""
    if any(query.get(name) for name in ELSEWHERE):
        return Q(pk__in=[])
    return Q(hosted=True) if query.get("inference") else Q()


def _tags(query: QueryDict) -> list[str]:
    """Repeated keys or a list with commas: all must hold."""
    asked = [tag for value in query.getlist("filter") for tag in value.split(",")]
    return [tag.strip().lower() for tag in [*asked, query.get("pipeline_tag", "")] if tag.strip()]


def _tagged(tag: str) -> Q:
    """``serializers.tags``, asked of the database."""
    if tag in EVERYWHERE:
        return Q(pk__isnull=False)
    kind, colon, slug = tag.partition(":")
    return Q(licence__slug=slug) if kind == "license" and colon else Q(family__iexact=tag)


def described(repos: list[ModelRepo], *, full: bool) -> list[dict[str, Any]]:
    """Each repo at its head; with its files when ``full``."""
    main = Ref.objects.filter(repo__in=repos, kind=Ref.Kind.BRANCH, name=DEFAULT_BRANCH)
    heads = {ref.repo_id: ref.revision for ref in main.select_related("revision")}
    files = _files(list(heads.values())) if full else {}
    now = timezone.now()
    licences, downloads = versions_in_force(repos, now), recent_downloads(now)
    content = []
    for repo in repos:
        head = heads.get(repo.pk)
        inside = (files.get(head.pk, []) if head else []) if full else None
        licence, count = licences.get(repo.pk), downloads.get(repo.pk, 0)
        content.append(serializers.model(repo, head, inside, licence=licence, downloads=count))
    return content


def _files(heads: list[Revision]) -> dict[int, list[File]]:
    files: dict[int, list[File]] = {}
    for file in File.objects.filter(revision__in=heads):
        files.setdefault(file.revision_id, []).append(file)
    return files
