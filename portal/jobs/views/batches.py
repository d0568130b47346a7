"""Serve /v1/batches: submit, find, list, cancel."""

from __future__ import annotations

from functools import partial

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from portal.jobs.batches import submitting
from portal.jobs.batches.public_ids import BATCH_PREFIX, read_id
from portal.jobs.openai.batches import batch_object, batch_objects, parse_batch
from portal.jobs.openai.listing import ListRule, page_of
from portal.jobs.views.requests import body_object, prompting_caller, refuse_method

LISTED = ListRule(most=100, default=20, read=partial(read_id, BATCH_PREFIX))


@csrf_exempt
def all_batches(request: HttpRequest) -> HttpResponse:
    if refused := refuse_method(request, "GET", "POST"):
        return refused
    caller = prompting_caller(request)
    if request.method == "POST":
        body = parse_batch(body_object(request))
        batch = submitting.create_batch(caller=caller, request=body, now=timezone.now())
        return JsonResponse(batch_object(batch))
    rows = submitting.batches_of(caller)
    return JsonResponse(page_of(rows, request.GET, LISTED, batch_objects))


@csrf_exempt
def one_batch(request: HttpRequest, batch_id: str) -> HttpResponse:
    if refused := refuse_method(request, "GET"):
        return refused
    caller = prompting_caller(request)
    return JsonResponse(batch_object(submitting.find_batch(caller=caller, public_id=batch_id)))


@csrf_exempt
def cancel(request: HttpRequest, batch_id: str) -> HttpResponse:
    if refused := refuse_method(request, "POST"):
        return refused
    caller = prompting_caller(request)
    batch = submitting.cancel_batch(caller=caller, public_id=batch_id, now=timezone.now())
    return JsonResponse(batch_object(batch))
