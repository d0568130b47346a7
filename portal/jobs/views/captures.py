"""Serve captures: links to them for who made them, and the bytes of those links."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from portal.accounts.tokens.authentication import session_caller
from portal.jobs.batches.public_ids import COMPLETION_PREFIX, spelt
from portal.jobs.captures.links import mint_capture_link, open_capture_link
from portal.jobs.captures.serving import serve_blob
from portal.jobs.views.requests import prompting_caller, refuse_method


@csrf_exempt
def captures(request: HttpRequest, completion_id: str) -> HttpResponseBase:
    """Lead to a short-lived link of what one's own completion captured."""
    if refused := refuse_method(request, "GET", "HEAD"):
        return refused
    caller = prompting_caller(request)
    link = mint_capture_link(caller=caller, completion_id=completion_id, now=timezone.now())
    return HttpResponseRedirect(link)


@require_safe
@login_required
def download(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """Lead to the same from the job's page."""
    link = mint_capture_link(
        caller=session_caller(request),
        completion_id=spelt(COMPLETION_PREFIX, job_id),
        now=timezone.now(),
    )
    return HttpResponseRedirect(link)


@csrf_exempt
@require_safe
def capture_link(request: HttpRequest, signed: str, filename: str) -> HttpResponseBase:
    """Serve captures by their signed link, which is the permission."""
    opened = open_capture_link(signed, filename, now=timezone.now())
    blob = opened.captures.blob
    return serve_blob(request, blob, opened.filename, person_id=opened.person_id)
