"""The planner's page, for everybody."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.accounts.tokens.authentication import session_caller
from portal.site.planner.comparison import FACTS
from portal.site.planner.energy import ESTIMATES, SEVENTH
from portal.site.planner.forms import PlannerForm
from portal.site.planner.history import family_of_2022
from portal.site.planner.memory_bars import LEGEND
from portal.site.planner.own_models import own_models
from portal.site.planner.results import result_of
from portal.site.planner.sources import SOURCES


@require_safe
def planner(request: HttpRequest) -> HttpResponse:
    """Plan what the query asks for; without one, OPT-175B on sixteen V100s."""
    wanted = request.GET.get("model", "")
    form = PlannerForm(request.GET, own_models=own_models(wanted, session_caller(request)))
    context = {"form": form, "nav_section": "planner"}
    if not form.is_valid():
        return render(request, "site/planner/planner.html", context, status=422)
    context |= {
        "result": result_of(form, timezone.now()),
        "legend": LEGEND,
        "facts": FACTS,
        "estimates": ESTIMATES,
        "ratios": SEVENTH,
        "family": family_of_2022(request.user),
        "sources": SOURCES.values(),
    }
    return render(request, "site/planner/planner.html", context)
