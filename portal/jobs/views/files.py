"""Serve /v1/files: what batches read and write, for its owner alone."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.http import StreamingHttpResponse as Streamed
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.csrf import csrf_exempt

from portal.accounts.tokens.authentication import Caller
from portal.jobs.batches import contents, files
from portal.jobs.batches.models import StoredFile
from portal.jobs.batches.public_ids import FILE_PREFIX, read_id, spelt
from portal.jobs.batches.retention import files_kept
from portal.jobs.captures.serving import serve_blob
from portal.jobs.captures.shards import open_shard
from portal.jobs.errors import BadParameter
from portal.jobs.openai.listing import ListRule, page_of
from portal.jobs.views.requests import prompting_caller, refuse_method

LISTED = ListRule(most=1000, default=100, read=partial(read_id, FILE_PREFIX))
PURPOSES = StoredFile.Purpose.values
OVERHEAD_BYTES = 1 << 16  # of a form around its file


def file_object(file: StoredFile) -> dict[str, Any]:
    return {
        "id": spelt(FILE_PREFIX, file.pk),
        "object": "file",
        "bytes": file.size_bytes,
        "created_at": int(file.created_at.timestamp()),
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
    }


def file_objects(rows: list[StoredFile]) -> list[dict[str, Any]]:
    return [file_object(file) for file in rows]


@csrf_exempt
def all_files(request: HttpRequest) -> HttpResponse:
    if refused := refuse_method(request, "GET", "POST"):
        return refused
    caller = prompting_caller(request)
    if request.method == "POST":
        return _upload(request, caller)
    rows = files.files_of(caller)
    if purpose := request.GET.get("purpose"):
        if purpose not in PURPOSES:
            raise BadParameter(f"purpose must be {' or '.join(PURPOSES)}.", field="purpose")
        rows = rows.filter(purpose=purpose)
    return JsonResponse(page_of(rows, request.GET, LISTED, file_objects))


def _upload(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Keep the form's file. Its size is looked at before its bytes are."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    files.require_bearable(int(length) - OVERHEAD_BYTES if length.isdecimal() else 0)
    if request.content_type != "multipart/form-data":
        raise BadParameter("Send a form: multipart/form-data with purpose and file.", field="file")
    purpose = request.POST.get("purpose")
    if purpose not in files.EMPTY:
        message = f"purpose must be {' or '.join(files.EMPTY)}: files are taken for these alone."
        raise BadParameter(message, field="purpose")
    if any(name.startswith("expires_after") for name in request.POST):
        message = f"expires_after is not supported. {files_kept()}"
        raise BadParameter(message, field="expires_after")
    uploaded = request.FILES.get("file")
    if uploaded is None:
        raise BadParameter("file is required.", field="file")
    file = files.store_file(
        caller=caller, uploaded=uploaded, now=timezone.now(), purpose=StoredFile.Purpose(purpose)
    )
    return JsonResponse(file_object(file))


@csrf_exempt
def one_file(request: HttpRequest, file_id: str) -> HttpResponse:
    if refused := refuse_method(request, "GET", "DELETE"):
        return refused
    caller = prompting_caller(request)
    if request.method == "DELETE":
        files.delete_file(caller=caller, public_id=file_id)
        return JsonResponse({"id": file_id, "object": "file", "deleted": True})
    return JsonResponse(file_object(files.find_file(caller=caller, public_id=file_id)))


@csrf_exempt
def content(request: HttpRequest, file_id: str) -> HttpResponseBase:
    if refused := refuse_method(request, "GET"):
        return refused
    caller = prompting_caller(request)
    return attachment(request, caller, files.find_file(caller=caller, public_id=file_id))


def attachment(request: HttpRequest, caller: Caller, file: StoredFile) -> HttpResponseBase:
    """Answer with a file's bytes, part by part, to be saved under its name."""
    blob = open_shard(caller=caller, file=file, now=timezone.now())
    if blob is not None:
        return serve_blob(request, blob, file.filename, person_id=caller.named.pk)
    asynchronous = isinstance(request, ASGIRequest)
    pieces = contents.parts_async(file) if asynchronous else contents.parts(file)
    response = Streamed(pieces, content_type="application/octet-stream")
    response["Content-Length"] = str(file.size_bytes)
    response["Content-Disposition"] = content_disposition_header(True, file.filename) or ""
    response["Cache-Control"] = "no-store"
    return response
