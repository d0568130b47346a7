"""The published figures, for everybody: a page, and the same as CSV and JSON."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import cache_control

from portal.access.reporting.regions import REGIONS
from portal.access.reporting.suppression import FEW
from portal.errors import NotFound
from portal.site.models import PublishedMonth
from portal.site.transparency import reading
from portal.site.transparency.month_chart import MONTHS_WIDE, month_chart
from portal.site.transparency.times import SPANS
from portal.text.languages import Words

TEN_MINUTES = 600
HEADS: dict[str, list[Words]] = {
    "regions": [*REGIONS.values(), _("All")],
    "request_heads": [_("Requests")],
    "verdicts": [_("Approved"), _("Declined"), _("All")],
    "reason_heads": [_("Declined")],
    "decision_heads": [_("Decisions")],
    "download_heads": [_("Files"), _("Size")],
    "hosted_heads": [_("Jobs"), _("Tokens"), _("Energy"), "CO₂e"],
    "time_heads": [*(format_lazy(_("{days} d"), days=days) for days in SPANS), _("Half by")],
}
NO_MONTH = _("No figures of that month are published. Choose one of the months on the page.")


def transparency(request: HttpRequest) -> HttpResponse:
    """Show all months as a chart, and one of them in full: the newest, or the one asked for."""
    months = list(PublishedMonth.objects.all()[: 5 * MONTHS_WIDE])
    context = {"few": FEW, "nav_section": "transparency", "months": months}
    if not months:
        if request.GET.get("month"):
            raise NotFound(str(NO_MONTH))
        return render(request, "site/transparency.html", context)
    wanted = request.GET.get("month") or str(months[0])
    month = next((month for month in months if str(month) == wanted), None)
    if month is None:
        raise NotFound(str(NO_MONTH))
    figures = month.figures
    earlier = [row.figures["times"] for row in months if row.month <= month.month]
    times = next(filter(None, earlier), None)
    context |= {
        "month": month,
        "figures": figures,
        "chart": month_chart(months),
        "requests_rows": reading.requests_rows(figures),
        "model_rows": reading.model_rows(figures),
        "decision_rows": reading.decision_rows(figures),
        "reason_rows": reading.reason_rows(figures),
        "decider_rows": reading.decider_rows(figures),
        "download_rows": reading.download_rows(figures),
        "hosted_rows": reading.hosted_rows(figures),
        "token_shares": reading.token_shares(figures),
        "times": times,
        "quarter": reading.in_quarter(times["quarter"]) if times else "",
        "time_rows": reading.time_rows(times) if times else [],
        "time_bars": reading.time_bars(times) if times else [],
        **HEADS,
    }
    return render(request, "site/transparency.html", context)


@cache_control(public=True, max_age=TEN_MINUTES)
def transparency_csv(request: HttpRequest) -> HttpResponse:
    text = reading.as_csv(list(PublishedMonth.objects.all()))
    return HttpResponse(text, content_type="text/csv; charset=utf-8")


@cache_control(public=True, max_age=TEN_MINUTES)
def transparency_json(request: HttpRequest) -> HttpResponse:
    return JsonResponse(reading.as_json(list(PublishedMonth.objects.all())))
