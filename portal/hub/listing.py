"""List, filter and sort models in a fixed number of queries."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, cast

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, Exists, F, Func, Max, OuterRef, Q, Value
from django.db.models.functions import Concat
from django.http import QueryDict
from django.utils import timezone

from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import File, Gate, ModelRepo, Ref, Revision
from portal.catalog.querysets import ModelRepoQuerySet, shown
from portal.catalog.services.licences import versions_in_force
from portal.catalog.services.lookup import DEFAULT_BRANCH
from portal.delivery.accounting.popularity import recent_downloads
from portal.errors import Invalid
from portal.hub import serializers
from portal.hub.http import flag
from portal.hub.metadata.cards import cards_of, read_heads
from portal.hub.metadata.tensors import counts_of, parameters_of, used_storage

NEWEST = F("modified_at").desc(nulls_last=True)
BY_NAME: list[Any] = ["listed_name", "pk"]
ORDERS: dict[str, list[Any]] = {
    "": BY_NAME,
    "id": BY_NAME,
    "num_parameters": [F("parameters").desc(nulls_last=True), *BY_NAME],
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
"""No model here has these, so filtering by them selects none."""
SIZE = re.compile(r"(min|max):([0-9]{1,15}(?:\.[0-9]{1,9})?)([KMBT]?)", re.IGNORECASE)
SIZES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def listed(query: QueryDict, caller: Caller) -> ModelRepoQuerySet[ModelRepo]:
    """Select the repos that the caller may see, as the query filters and sorts. Raises Invalid."""
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
    if tags := _tags(query):
        # Tags are read from cards when first asked for, and this asks for all at once.
        read_heads(visible.order_by())
    for tag in tags:
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
    """Return a repo's rank by recent downloads; null for repos without any."""
    counts = recent_downloads(timezone.now())
    ranked = sorted(counts, key=lambda pk: (-counts[pk], pk))
    keys = Value(ranked, output_field=ArrayField(BigIntegerField()))
    return Func(keys, F("pk"), function="array_position", output_field=BigIntegerField())


def _sized(sizes: str) -> Q:
    """Filter by numbers of parameters, given as ``min:6B,max:128B`` or one of the two."""
    wanted = Q()
    for part in filter(None, sizes.split(",")):
        match = SIZE.fullmatch(part.strip())
        if match is None:
            raise Invalid("num_parameters is as min:6B,max:128B.", field="num_parameters")
        bound, number, unit = match.groups()
        lookup = "parameters__gte" if bound.lower() == "min" else "parameters__lte"
        count = int(float(number) * SIZES[unit.upper()])
        wanted &= Q(**{lookup: min(count, BigIntegerField.MAX_BIGINT)})
    return wanted


def _served(query: QueryDict) -> Q:
    """Filter by what is hosted, for any value of ``inference``."""
    if any(query.get(name) for name in ELSEWHERE):
        return Q(pk__in=[])
    return Q(hosted=True) if query.get("inference") else Q()


def _tags(query: QueryDict) -> list[str]:
    """Read the tags that a model must have, from repeated keys or lists with commas."""
    tags = [tag for value in query.getlist("filter") for tag in value.split(",")]
    return [tag.strip().lower() for tag in [*tags, query.get("pipeline_tag", "")] if tag.strip()]


def _tagged(tag: str) -> Q:
    """Filter by a tag, as ``serializers.tags`` gives them."""
    head = Ref.objects.filter(repo=OuterRef("pk"), kind=Ref.Kind.BRANCH, name=DEFAULT_BRANCH)
    stated = Q(Exists(head.filter(revision__card__keys__contains=[tag])))
    kind, colon, slug = tag.partition(":")
    if kind == "license" and colon:
        licensed = Q(licence__isnull=False) if slug == "other" else Q(licence__slug=slug)
        return licensed | (Q(licence__isnull=True) & stated)
    return stated | Q(family__iexact=tag)


def described(
    repos: list[ModelRepo], *, full: bool, wanted: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Describe each repo at its head, with its files when ``full``."""
    main = Ref.objects.filter(repo__in=repos, kind=Ref.Kind.BRANCH, name=DEFAULT_BRANCH)
    heads = {ref.repo_id: ref.revision for ref in main.select_related("revision")}
    inside = _files(list(heads.values())) if full or "safetensors" in wanted else {}
    now = timezone.now()
    licences, downloads = versions_in_force(repos, now), recent_downloads(now)
    cards = cards_of(heads.values())
    weigh = weighed(repos, [file for files in inside.values() for file in files], wanted)
    content = []
    for repo in repos:
        head = heads.get(repo.pk)
        files = inside.get(head.pk, []) if head else []
        row = serializers.model(
            repo,
            head,
            files if full else None,
            card=cards.get(head.pk) if head else None,
            licence=licences.get(repo.pk),
            downloads=downloads.get(repo.pk, 0),
        )
        content.append(row | weigh(repo, files))
    return content


Weigh = Callable[[ModelRepo, list[File]], dict[str, Any]]


def weighed(repos: list[ModelRepo], files: list[File], wanted: Collection[str]) -> Weigh:
    """Read at once what the rows of these repos are to be expanded with, if it is wanted."""
    counts = counts_of(files) if "safetensors" in wanted else {}
    used = used_storage(repos) if "usedStorage" in wanted else {}

    def weigh(repo: ModelRepo, files: list[File]) -> dict[str, Any]:
        content: dict[str, Any] = {}
        if "safetensors" in wanted and (parameters := parameters_of(files, counts)):
            content["safetensors"] = parameters
        if "usedStorage" in wanted:
            content["usedStorage"] = used.get(repo.pk, 0)
        return content

    return weigh


def _files(heads: list[Revision]) -> dict[int, list[File]]:
    files: dict[int, list[File]] = {}
    for file in File.objects.filter(revision__in=heads).select_related("blob"):
        files.setdefault(file.revision_id, []).append(file)
    return files
