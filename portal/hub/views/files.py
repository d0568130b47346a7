"""Serve a file of a revision: ``resolve`` leads to it, ``raw`` and ``picture`` show small ones.

``resolve`` answers metadata on HEAD and a fresh link on GET. All three ask by one rule.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from portal.access.policy.policy import Action
from portal.access.policy.refusals import require_may, require_may_read
from portal.accounts.tokens.authentication import Caller
from portal.catalog.errors import EntryNotFound
from portal.catalog.models import File, ModelRepo
from portal.catalog.services.lookup import file_of_commit, find_file, split_revision
from portal.client_ip import client_ip
from portal.delivery.pictures import LARGEST_PICTURE_BYTES, picture_type
from portal.delivery.services import mint_link, read_small
from portal.delivery.streaming.headers import file_headers
from portal.delivery.streaming.ranges import Unsatisfiable, parse_range
from portal.hub.http import file_view
from portal.hub.views.models import repo_of

LARGEST_TEXT_BYTES = 10 * 1024 * 1024


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


@file_view
def raw(request: HttpRequest, caller: Caller, *, rest: str, **names: str) -> HttpResponse:
    """Show a small file as plain text; what goes by LFS is fetched from ``resolve``."""
    now = timezone.now()
    file = _file(caller, repo_of(caller, names), rest, now)
    if file.lfs or file.blob.size_bytes > LARGEST_TEXT_BYTES:
        require_may_read(caller, file, now)
        there = {**names, "rest": f"{file.revision.commit}/{file.path}"}
        return HttpResponseRedirect(reverse("hub:resolve", kwargs=there))
    return _shown(request, caller, file, "text/plain; charset=utf-8", now)


@file_view
def picture(request: HttpRequest, caller: Caller, *, rest: str, **names: str) -> HttpResponse:
    """Show a picture of the repo within its card; what is none, or too large, isn't there."""
    now = timezone.now()
    file = _file(caller, repo_of(caller, names), rest, now)
    kind = picture_type(file.path)
    if kind is None or file.blob.size_bytes > LARGEST_PICTURE_BYTES:
        require_may_read(caller, file, now)
        raise EntryNotFound(file.path, file.revision.commit)
    response = _shown(request, caller, file, kind, now)
    response["Cache-Control"] = "private, max-age=3600"  # a page shows it again at each visit
    return response


def _shown(
    request: HttpRequest, caller: Caller, file: File, kind: str, now: datetime
) -> HttpResponse:
    """Answer with the bytes themselves. They are others', so nothing in them may act."""
    size = file.blob.size_bytes
    headers = {
        **file_headers(file),
        "Content-Type": kind,
        "Content-Disposition": "inline",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if request.method == "HEAD":
        require_may_read(caller, file, now)
        return HttpResponse(headers=headers | {"Content-Length": str(size)})
    try:
        span = parse_range(request.headers.get("Range", ""), size)
    except Unsatisfiable:
        status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        return HttpResponse(status=status, headers=headers | {"Content-Range": f"bytes */{size}"})
    content = read_small(caller=caller, file=file, span=span, now=now, ip=client_ip(request))
    if span is None:
        return HttpResponse(content, headers=headers)
    headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
    return HttpResponse(content, status=HTTPStatus.PARTIAL_CONTENT, headers=headers)


def _file(caller: Caller, repo: ModelRepo, rest: str, now: datetime) -> File:
    """Find a file. A caller who may not download is told that before anything about files."""
    if file := file_of_commit(repo, rest):
        return file
    revision, path = split_revision(repo, rest, caller=caller)
    try:
        return find_file(revision, path)
    except EntryNotFound:
        require_may(caller, Action.DOWNLOAD, revision, now)
        raise
