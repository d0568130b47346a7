"""Serve git’s LFS protocol: how to bring large files, bringing them, verifying them."""

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
from portal.hub import serializers
from portal.hub.bodies import CompletedUpload, LfsBatch, LfsObject, read_body
from portal.hub.errors import NotOffered
from portal.hub.http import hub_view, json_list, page_of
from portal.hub.rights import publishable_repo, require_publishing
from portal.hub.services import uploads
from portal.hub.uploads.links import UploadLink
from portal.hub.uploads.streaming import ARRIVED
from portal.storage import CorruptBlob, NoRoom, blob_store, direct_uploads, free_bytes, require_room
from portal.storage.incoming import Incoming

MEDIA_TYPE = "application/vnd.git-lfs+json"
SHA256 = re.compile(r"[0-9a-f]{64}")
READ_BYTES = 1 << 20


@hub_view("POST")
def batch(request: HttpRequest, caller: Caller, **names: str) -> JsonResponse:
    """Tell for each object how to bring it, and nothing for those that are here."""
    now = timezone.now()
    _, repo = publishable_repo(caller, names, now)
    wanted = read_body(request, LfsBatch)
    if wanted.operation != "upload":
        raise NotOffered("Files are fetched at /NAMESPACE/NAME/resolve/REVISION/PATH.")
    multipart = "multipart" in wanted.transfers
    present = uploads.nameable_blobs(repo, (file.oid for file in wanted.objects))
    no_room = _no_room([file for file in wanted.objects if file.oid not in present])
    objects = []
    for file in wanted.objects:
        answer: dict[str, Any] = {"oid": file.oid, "size": file.size}
        if problem := _problem(file):
            answer["error"] = {"code": 422, "message": problem}
        elif file.oid not in present and no_room:
            answer["error"] = {"code": int(no_room.status), "message": no_room.message}
        elif file.oid not in present:
            answer["actions"] = uploads.actions_for(
                uploads.RequestedUpload(repo, file.oid, file.size, multipart),
                caller=caller,
                now=now,
            )
        objects.append(answer)
    chosen = "multipart" if multipart else "basic"
    return JsonResponse({"transfer": chosen, "objects": objects}, content_type=MEDIA_TYPE)


@hub_view("GET")
def index(request: HttpRequest, caller: Caller, **names: str) -> JsonResponse:
    """List the repo's LFS files, each once, for those who publish it."""
    repo = find_repo(f"{names['namespace']}/{names['name']}", caller=caller)
    require_publishing(caller, repo, timezone.now())
    files = File.in_history.filter(revision__repo=repo, lfs=True)
    first = files.order_by("blob_id", "revision__created_at", "pk").distinct("blob_id")
    rows, headers = page_of(request, first.select_related("blob", "revision"))
    return json_list([serializers.lfs_file(row) for row in rows], headers)


def _no_room(files: list[LfsObject]) -> NoRoom | None:
    """Return the refusal of files for which the disk has no room; a bucket takes them itself."""
    if direct_uploads() is not None:
        return None
    needed, free = sum(file.size for file in files), free_bytes(blob_store())
    return NoRoom(needed, free) if needed > free else None


def _problem(file: LfsObject) -> str:
    """Say why an object can't be brought; nothing, if it can."""
    if not SHA256.fullmatch(file.oid):
        return "oid must be a sha256 in 64 lower-case hex digits"
    if file.size < 0:
        return "size must be a number of bytes"
    if file.size > LARGEST_FILE_BYTES:
        return "over 50 GB: split the file, since clients can't fetch it"
    return ""


@csrf_exempt
@require_http_methods(["PUT"])
def upload(request: HttpRequest, signed: str) -> HttpResponse:
    """Take in the bytes of a link. The signature is the permission; no token is asked for."""
    now = timezone.now()
    link = uploads.open_upload(signed, now=now, length=request.headers.get("Content-Length"))
    if link.staged:
        raise LinkInvalid
    incoming = _incoming(request, link)
    try:
        sha256 = uploads.take_in(link, incoming, now)
    finally:
        incoming.discard()
    return HttpResponse(headers={"ETag": f'"{sha256}"'})


def _incoming(request: HttpRequest, link: UploadLink) -> Incoming:
    """Return what ``StreamedUploads`` has taken in, or read the body here piece by piece."""
    arrived = getattr(request, "scope", {}).get(ARRIVED)
    if isinstance(arrived, Incoming):
        return arrived
    require_room(blob_store(), link.size_bytes)
    if not connection.in_atomic_block:
        close_old_connections()  # a slow upload must not keep a connection from others
    incoming = Incoming(blob_store(), link.size_bytes)
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
    parts = read_body(request, CompletedUpload).parts
    uploads.complete(link, sorted((part.part_number, part.etag) for part in parts))
    return HttpResponse()


@csrf_exempt
@require_POST
def verify(request: HttpRequest, signed: str) -> HttpResponse:
    """Verify the bytes of a link; those in a bucket are read here, and may be committed then."""
    now: datetime = timezone.now()
    uploads.settle(uploads.open_upload(signed, now=now), now)
    return HttpResponse()
