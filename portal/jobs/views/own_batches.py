"""The pages of one's batches, and what is done from them."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.accounts.tokens.authentication import session_caller
from portal.forms.pages import posted_from
from portal.jobs.accounting.usage import sums_by_currency
from portal.jobs.batches.submitting import batches_of, cancel_batch, find_batch
from portal.jobs.errors import BatchHasEnded
from portal.jobs.models import Job
from portal.jobs.own.batches import ShownBatch, files_of_batch, find_file_of_batch, shown
from portal.jobs.views.files import attachment

PAGE_SIZE = 25


@require_safe
@login_required
def batches(request: HttpRequest) -> HttpResponse:
    """List one's batches, the newest first, a page at a time."""
    rows = batches_of(session_caller(request))
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    listed = shown(page, timezone.now())
    context = {
        "page": page,
        "batches": listed,
        "is_live": any(one.batch.is_open for one in listed),
        "base_url": settings.BASE_URL,
        "most_open": settings.MAX_OPEN_BATCHES,
    }
    return render(request, "jobs/batches.html", context)


@require_safe
@login_required
def batch(request: HttpRequest, batch_id: str) -> HttpResponse:
    caller = session_caller(request)
    own_batch = find_batch(caller=caller, public_id=batch_id)
    context = {
        "shown": ShownBatch(own_batch, timezone.now()),
        "batch": own_batch,
        "files": files_of_batch(caller, own_batch),
        "sums": sums_by_currency(Job.objects.filter(batch=own_batch)),
    }
    return render(request, "jobs/batch.html", context)


@posted_from("jobs:own_batch", "batch_id")
def cancel(request: HttpRequest, batch_id: str) -> HttpResponse:
    caller = session_caller(request)
    try:
        cancel_batch(caller=caller, public_id=batch_id, now=timezone.now())
    except BatchHasEnded as error:
        messages.info(request, error.message)
    return redirect("jobs:own_batch", batch_id)


@require_safe
@login_required
def file(request: HttpRequest, batch_id: str, kind: str) -> HttpResponseBase:
    """Send one of a batch's files to its owner, as /v1/files does."""
    caller = session_caller(request)
    own_batch = find_batch(caller=caller, public_id=batch_id)
    return attachment(request, caller, find_file_of_batch(caller, own_batch, kind))
