"""List repos, and describe one at a revision, to whoever may see it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse, QueryDict
from django.utils import timezone

from portal.access.policy.policy import Action
from portal.access.policy.refusals import require_may
from portal.accounts.tokens.authentication import Caller
from portal.catalog.formats.pickle_imports import Safety
from portal.catalog.models import ModelRepo, Revision
from portal.catalog.services.licences import version_in_force
from portal.catalog.services.lookup import find_repo, find_revision, head_revision
from portal.catalog.services.pickle_scan import pickles_in
from portal.delivery.accounting.popularity import recent_downloads
from portal.errors import Invalid
from portal.hub import serializers
from portal.hub.entries import files_of
from portal.hub.http import flag, hub_view, json_list, page_of
from portal.hub.listing import described, listed, weighed
from portal.hub.metadata.cards import cards_of

PROPERTIES = (
    "author baseModels cardData childrenModelCount config createdAt disabled downloads "
    "downloadsAllTime evalResults gated gguf gitalyUid inference inferenceProviderMapping "
    "lastModified library_name likes mask_token model-index pipeline_tag private resourceGroup "
    "safetensors sha siblings spaces tags transformersInfo trendingScore usedStorage "
    "widgetData xetEnabled"
)
"""What a client may ask to expand; what this portal doesn't keep is left out."""
KNOWN = frozenset(PROPERTIES.split())


def repo_of(caller: Caller, names: dict[str, str]) -> ModelRepo:
    return find_repo(f"{names['namespace']}/{names['name']}", caller=caller)


@hub_view("GET")
def index(request: HttpRequest, caller: Caller) -> JsonResponse:
    wanted = _expand(request.GET)
    repos, headers = page_of(request, listed(request.GET, caller), default=100)
    full = flag(request.GET, "full") or "siblings" in wanted
    rows = described(repos, full=full, wanted=wanted)
    return json_list([_only(row, wanted) for row in rows], headers)


@hub_view("GET")
def info(request: HttpRequest, caller: Caller, **names: str) -> JsonResponse:
    repo = repo_of(caller, names)
    if "revision" in names:
        return _described(request, repo, find_revision(repo, names["revision"], caller=caller))
    return _described(request, repo, head_revision(repo, caller=caller))


def _described(request: HttpRequest, repo: ModelRepo, revision: Revision | None) -> JsonResponse:
    wanted = _expand(request.GET)
    files = files_of(revision) if revision else []
    now = timezone.now()
    content = serializers.model(
        repo,
        revision,
        files,
        card=cards_of([revision])[revision.pk] if revision else None,
        licence=version_in_force(repo, now),
        downloads=recent_downloads(now).get(repo.pk, 0),
        blobs=flag(request.GET, "blobs"),
    )
    content |= weighed([repo], files, wanted)(repo, files)
    if flag(request.GET, "securityStatus"):
        content["securityRepoStatus"] = _security(revision)
    return JsonResponse(_only(content, wanted))


def _security(revision: Revision | None) -> dict[str, Any]:
    """Name the pickles that import more than tensors need; no virus scanner is run."""
    pickles = pickles_in(revision) if revision else {}
    risky = [path for path, scan in pickles.items() if scan.safety != Safety.TENSORS]
    issues = [{"path": path, "level": "caution"} for path in sorted(risky)]
    return {"scansDone": False, "filesWithIssues": issues}


def _expand(query: QueryDict) -> set[str]:
    wanted = set(query.getlist("expand")) | set(query.getlist("expand[]"))
    if unknown := sorted(wanted - KNOWN):
        raise Invalid(f"There is nothing to expand named {', '.join(unknown)}.", field="expand")
    return wanted


def _only(content: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    shown = {"_id", "id"} | wanted
    return {key: value for key, value in content.items() if key in shown} if wanted else content


@hub_view("GET")
def auth_check(request: HttpRequest, caller: Caller, **names: str) -> JsonResponse:
    require_may(caller, Action.DOWNLOAD, repo_of(caller, names), timezone.now())
    return JsonResponse({})


@hub_view("GET")
def write_check(request: HttpRequest, caller: Caller, **names: str) -> JsonResponse:
    require_may(caller, Action.PUBLISH, repo_of(caller, names), timezone.now())
    return JsonResponse({})
