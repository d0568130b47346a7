"""The list of models: what may be filtered and sorted by, in a fixed number of queries."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import F, Max, Q, Value
from django.db.models.functions import Concat
from django.http import QueryDict
from django.utils import timezone

from portal.accounts.authentication import Caller
from portal.catalog.models import File, Gate, ModelRepo, Ref, Revision
from portal.catalog.querysets import ModelRepoQuerySet
from portal.catalog.services.licences import versions_in_force
from portal.catalog.services.reading import DEFAULT_BRANCH
from portal.hub import serializers
from portal.hub.http import flag

EVERYWHERE = {serializers.LIBRARY, "safetensors", serializers.PIPELINE}
NEWEST = F("modified_at").desc(nulls_last=True)
ORDERS: dict[str, list[Any]] = {
    "createdAt": [F("created_at").desc(), "pk"],
    "lastModified": [NEWEST, "pk"],
}


def listed(query: QueryDict, caller: Caller) -> ModelRepoQuerySet[ModelRepo]:
    """The repos that the caller may see, as the query narrows and orders them."""
    visible = ModelRepo.objects.visible_through(caller).with_names()
    repos = visible.annotate(
        listed_name=Concat("namespace__name", Value("/"), "name"),
        modified_at=Max("revisions__created_at"),
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
    order = ORDERS.get(query.get("sort", ""), ["listed_name", "pk"])
    return cast("ModelRepoQuerySet[ModelRepo]", repos.order_by(*order))


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
    licences = versions_in_force(repos, timezone.now())
    content = []
    for repo in repos:
        head = heads.get(repo.pk)
        inside = (files.get(head.pk, []) if head else []) if full else None
        licence = licences.get(repo.pk)
        content.append(serializers.model(repo, head, inside, licence=licence))
    return content


def _files(heads: list[Revision]) -> dict[int, list[File]]:
    files: dict[int, list[File]] = {}
    for file in File.objects.filter(revision__in=heads):
        files.setdefault(file.revision_id, []).append(file)
    return files
