"""Show what is in a revision, and its history."""

from __future__ import annotations

from urllib.parse import parse_qs

from django.http import HttpRequest, JsonResponse, QueryDict

from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import Ref
from portal.catalog.services.lookup import find_revision, refs_seen, split_revision
from portal.errors import Invalid
from portal.hub import serializers
from portal.hub.bodies import MOST_PATHS, PathsInfo, read_body
from portal.hub.entries import entries_at, entries_under, expanded
from portal.hub.history import ancestor_keys, revisions_at
from portal.hub.http import flag, hub_view, json_list, page_of
from portal.hub.views.models import repo_of


@hub_view("GET")
def tree(request: HttpRequest, caller: Caller, *, rest: str, **names: str) -> JsonResponse:
    revision, folder = split_revision(repo_of(caller, names), rest, caller=caller)
    recursive, expand = flag(request.GET, "recursive"), flag(request.GET, "expand")
    entries, headers = page_of(request, entries_under(revision, folder, recursive=recursive))
    return json_list(expanded(revision, entries) if expand else entries, headers)


@hub_view("POST")
def paths_info(
    request: HttpRequest, caller: Caller, *, revision: str, **names: str
) -> JsonResponse:
    commit = find_revision(repo_of(caller, names), revision, caller=caller)
    question = _question(request)
    entries = entries_at(commit, question.paths)
    return json_list(expanded(commit, entries) if question.expand else entries)


def _question(request: HttpRequest) -> PathsInfo:
    """Read the paths, and whether to expand them: a form from Python, JSON from JavaScript."""
    if request.content_type == "application/json":
        return read_body(request, PathsInfo)
    form = _form(request.body)
    return PathsInfo(paths=form.getlist("paths"), expand=flag(form, "expand"))


def _form(body: bytes) -> QueryDict:
    """Read a form of many fields: Django's own reading stops at a thousand."""
    try:
        fields = parse_qs(body.decode(), max_num_fields=MOST_PATHS)
    except ValueError as error:
        raise Invalid(f"Send a form of at most {MOST_PATHS} paths.", field="paths") from error
    form = QueryDict(mutable=True)
    for name, values in fields.items():
        form.setlist(name, values)
    return form


@hub_view("GET")
def refs(request: HttpRequest, caller: Caller, **names: str) -> JsonResponse:
    rows = refs_seen(repo_of(caller, names), caller)
    named = {kind: [serializers.ref(row) for row in rows if row.kind == kind] for kind in Ref.Kind}
    content: dict[str, list[dict[str, str]]] = {
        "branches": named[Ref.Kind.BRANCH],
        "converts": [],
        "tags": named[Ref.Kind.TAG],
    }
    if flag(request.GET, "include_prs"):
        content["pullRequests"] = []
    return JsonResponse(content)


@hub_view("GET")
def commits(request: HttpRequest, caller: Caller, *, revision: str, **names: str) -> JsonResponse:
    repo = repo_of(caller, names)
    chain = ancestor_keys(find_revision(repo, revision, caller=caller))
    keys, headers = page_of(request, chain)
    headers["X-Total-Count"] = str(len(chain))
    formatted = "formatted" in request.GET.getlist("expand[]")
    shown = [serializers.commit(row, formatted=formatted) for row in revisions_at(keys)]
    return json_list(shown, headers)
