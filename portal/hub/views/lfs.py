"""Large files, by git’s LFS protocol: ask how to bring them, bring them, have them verified."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.db import close_old_connections, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.tokens.authentication import Caller
from portal.catalog.folder_checks import LARGEST_FILE_BYTES
from portal.catalog.models import File
from portal.catalog.services.lookup import find_repo
from portal.delivery.errors import LinkInvalid
from portal.errors import Invalid
from portal.hub import serializers
from portal.hub.errors import NotOffered
from portal.hub.http import hub_view, json_list, page_of
from portal.hub.limits import json_object
from portal.hub.rights import publishable_repo, require_publishing
from portal.hub.services import uploads
from portal.hub.uploads.links import UploadLink
from portal.hub.uploads.streaming import ARRIVED
from portal.storage import CorruptBlob, blob_store
from portal.storage.incoming import Incoming
from portal.storage.local import LocalBlobStore

MEDIA_TYPE = "application/vnd.git-lfs+json"
SHA256 = re.compile(r"[0-9a-f]{64}")
MOST_OBJECTS = 1000
MOST_PARTS = 10_000
READ_BYTES = 1 << 20


@hub_view("POST")
def batch(request: HttpRequest, caller: Caller, **names: str) -> JsonResponse:
    """For each object, how to bring it; without a word on how for those that are here."""
    now = timezone.now()
    _, repo = publishable_repo(caller, names, now)
    content = json_object(request)
    if content.get("operation") != "upload":
        raise NotOffered("Files are fetched at /NAMESPACE/NAME/resolve/REVISION/PATH.")
    transfers = content.get("transfers") or ["basic"]
    multipart = isinstance(transfers, list) and "multipart" in transfers
    asked = _objects(content)
    here = uploads.held(repo, (sha256 for sha256, _ in asked))
    objects = []
    for sha256, size in asked:
        answer: dict[str, Any] = {"oid": sha256, "size": size}
        if wrong := _wrong(sha256, size):
            answer["error"] = {"code": 422, "message": wrong}
        elif sha256 not in here:
            answer["actions"] = uploads.actions_for(
                uploads.Wanted(repo, sha256, size, multipart), caller=caller, now=now
            )
        objects.append(answer)
    chosen = "multipart" if multipart else "basic"
    return JsonResponse({"transfer": chosen, "objects": objects}, content_type=MEDIA_TYPE)


@hub_view("GET")
def index(request: HttpRequest, caller: Caller, **names: str) -> JsonResponse:
    """What the repo holds by LFS, each once, for those who publish it."""
    repo = find_repo(f"{names['namespace']}/{names['name']}", caller=caller)
    require_publishing(caller, repo, timezone.now())
    files = File.objects.filter(revision__repo=repo, lfs=True)
    first = files.order_by("blob_id", "revision__created_at", "pk").distinct("blob_id")
    rows, headers = page_of(request, first.select_related("blob", "revision"))
    return json_list([serializers.lfs_file(row) for row in rows], headers)


def _objects(content: dict[str, Any]) -> list[tuple[str, int]]:
    objects = content.get("objects")
    if not isinstance(objects, list) or len(objects) > MOST_OBJECTS:
        raise Invalid(f"“objects” must list up to {MOST_OBJECTS} files.", field="objects")
    found = []
    for each in objects:
        oid = each.get("oid") if isinstance(each, dict) else None
        size = each.get("size") if isinstance(each, dict) else None
        if not isinstance(oid, str) or type(size) is not int:
            raise Invalid("Each object has an “oid” and a “size”.", field="objects")
        found.append((oid, size))
    return found


def _wrong(sha256: str, size: int) -> str:
    if not SHA256.fullmatch(sha256):
        return "oid must be a sha256 in 64 lower-case hex digits"
    if size < 0:
        return "size must be a number of bytes"
    if size > LARGEST_FILE_BYTES:
        return "over 50 GB: split the file, since clients can't fetch it"
    return ""


@csrf_exempt
@require_http_methods(["PUT"])
def upload(request: HttpRequest, signed: str) -> HttpResponse:
    """The signature is the permission. What comes is hashed on its way to its place."""
    now = timezone.now()
    link = uploads.open_upload(signed, now=now, length=request.headers.get("Content-Length"))
    if link.staged:
        raise LinkInvalid
    incoming = _incoming(request, link)
    try:
        uploads.take_in(link, incoming, now)
    finally:
        incoming.discard()
    return HttpResponse(headers={"ETag": f'"{link.sha256}"'})


def _incoming(request: HttpRequest, link: UploadLink) -> Incoming:
    """What the server in front has taken in, or the body, read here piece by piece."""
    arrived = getattr(request, "scope", {}).get(ARRIVED)
    if isinstance(arrived, Incoming):
        return arrived
    store = blob_store()
    if not isinstance(store, LocalBlobStore):
        raise LinkInvalid
    if not connection.in_atomic_block:
        close_old_connections()  # a slow upload must not keep one from everybody else
    incoming = Incoming(store, link.size_bytes)
    try:
        while chunk := request.read(READ_BYTES):
            incoming.write(chunk)
    except CorruptBlob:
        pass  # found too long, and refused, when it is to be kept
    except BaseException:
        incoming.discard()
        raise
    return incoming


@csrf_exempt
@require_POST
def complete(request: HttpRequest, signed: str) -> HttpResponse:
    link = uploads.open_upload(signed, now=timezone.now())
    uploads.complete(link, _parts(json_object(request)))
    return HttpResponse()


def _parts(content: dict[str, Any]) -> list[tuple[int, str]]:
    parts = content.get("parts")
    if not isinstance(parts, list) or not 1 <= len(parts) <= MOST_PARTS:
        raise Invalid("“parts” must list what was uploaded.", field="parts")
    found = []
    for each in parts:
        number = each.get("partNumber") if isinstance(each, dict) else None
        etag = each.get("etag") if isinstance(each, dict) else None
        if type(number) is not int or not isinstance(etag, str):
            raise Invalid("Each part has a “partNumber” and an “etag”.", field="parts")
        found.append((number, etag))
    return sorted(found)


@csrf_exempt
@require_POST
def verify(request: HttpRequest, signed: str) -> HttpResponse:
    """Bytes in a bucket are read here, and count from now on."""
    now: datetime = timezone.now()
    uploads.settle(uploads.open_upload(signed, now=now), now)
    return HttpResponse()
