"""The record's published heads: for anybody to keep, and to check against later."""

from __future__ import annotations

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe

from portal.audit.heads import published_heads
from portal.audit.models import ChainHead

PAGE_SIZE = 50
FRESH_SECONDS = 3600  # a day's head is published within the hour


def _etag(request: HttpRequest) -> str | None:
    """The newest head: the ones before it never change."""
    newest = ChainHead.objects.order_by("-day").values_list("hash", "day").first()
    return f'"{newest[1]:%Y%m%d}-{newest[0][:16]}"' if newest else None


@require_safe
def record(request: HttpRequest) -> HttpResponse:
    page = Paginator(ChainHead.objects.all(), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "site/record.html", {"page": page, "base_url": settings.BASE_URL})


@require_safe
@cache_control(public=True, max_age=FRESH_SECONDS)
@condition(etag_func=_etag)
def heads(request: HttpRequest) -> HttpResponse:
    """One line a day, oldest first, for ``verify_audit --heads``."""
    lines = "".join(f"{head}\n" for head in published_heads())
    return HttpResponse(lines, content_type="text/plain; charset=utf-8")
