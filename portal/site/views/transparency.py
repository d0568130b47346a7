"""The gate's performance, for everybody: a page, and the same as CSV and JSON."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control

from portal.access.reporting.performance import SPANS
from portal.access.reporting.suppression import FEW
from portal.site.performance import CHARTED, as_csv, as_json, bars, published, table

TEN_MINUTES = 600


def transparency(request: HttpRequest) -> HttpResponse:
    figures = published(timezone.now())
    context = {
        "figures": figures,
        "headline": figures.overall.at(CHARTED),
        "few": FEW,
        "spans": SPANS,
        "charted": CHARTED,
        "sector_bars": bars(figures.sectors),
        "sector_table": table(figures.sectors),
        "repo_bars": bars(figures.repos),
        "repo_table": table(figures.repos),
        "nav_section": "transparency",
    }
    return render(request, "site/transparency.html", context)


@cache_control(public=True, max_age=TEN_MINUTES)
def transparency_csv(request: HttpRequest) -> HttpResponse:
    text = as_csv(published(timezone.now()))
    return HttpResponse(text, content_type="text/csv; charset=utf-8")


@cache_control(public=True, max_age=TEN_MINUTES)
def transparency_json(request: HttpRequest) -> HttpResponse:
    return JsonResponse(as_json(published(timezone.now())))
