"""``/<namespace>/<name>/resolve/<revision>/<path>``: metadata on HEAD, a fresh link on GET."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from portal.access.policy import Action
from portal.access.refusals import require_may, require_may_read
from portal.accounts.authentication import Caller
from portal.addresses import client_ip
from portal.catalog.errors import EntryNotFound
from portal.catalog.models import File, ModelRepo
from portal.catalog.services.reading import file_of_commit, find_file, split_revision
from portal.delivery.headers import file_headers
from portal.delivery.services import mint_link
from portal.hub.http import file_view
from portal.hub.views.models import repo_of


@file_view
def resolve(request: HttpRequest, caller: Caller, *, rest: str, **names: str) -> HttpResponse:
    """HEAD answers by itself, so that clients come back here for each new link."""
    now = timezone.now()
    file = _file(caller, repo_of(caller, names), rest, now)
    if request.method == "HEAD":
        require_may_read(caller, file, now)
        size = {"Content-Length": str(file.blob.size_bytes)}
        return HttpResponse(headers=file_headers(file) | size)
    url = mint_link(caller=caller, file=file, now=now, ip=client_ip(request))
    fresh = {"Cache-Control": "no-store"}
    return HttpResponseRedirect(url, headers=file_headers(file) | fresh)


def _file(caller: Caller, repo: ModelRepo, rest: str, now: datetime) -> File:
    """Who may not download reads that first, rather than that a file isn't there."""
    if file := file_of_commit(repo, rest):
        return file
    revision, path = split_revision(repo, rest)
    try:
        return find_file(revision, path)
    except EntryNotFound:
        require_may(caller, Action.DOWNLOAD, revision, now)
        raise
