"""The record's published heads, for anybody to keep and to check against later."""

from __future__ import annotations

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe

from portal.audit.heads import heads_text, hourly_head
from portal.audit.models import ChainHead

PAGE_SIZE = 50
FRESH_SECONDS = 600


def _etag(request: HttpRequest) -> str | None:
    """Name the newest heads: the ones before them never change."""
    newest = ChainHead.objects.order_by("-day").values_list("hash", "day").first()
    hourly = hourly_head(timezone.now())
    if newest is None and hourly is None:
        return None
    day = f"{newest[1]:%Y%m%d}-{newest[0][:16]}" if newest else ""
    return f'"{day}-{hourly.hash[:16] if hourly else ""}"'


@require_safe
def record(request: HttpRequest) -> HttpResponse:
    page = Paginator(ChainHead.objects.all(), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "site/record.html", {"page": page, "base_url": settings.BASE_URL})


@require_safe
@cache_control(public=True, max_age=FRESH_SECONDS)
@condition(etag_func=_etag)
def heads(request: HttpRequest) -> HttpResponse:
    """Serve a line for each day, oldest first, and the last hour's, to ``verify_audit``."""
    return HttpResponse(heads_text(timezone.now()), content_type="text/plain; charset=utf-8")
