"""The catalogue: every model that the user may know of."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal.access.reporting.performance import gate_figures
from portal.catalog.models import ModelRepo
from portal.site.catalogue import FilterForm, scale, with_figures

PAGE_SIZE = 50


def home(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    visible = ModelRepo.objects.visible_to(request.user)
    families = visible.exclude(family="").order_by("family").values_list("family", flat=True)
    form = FilterForm(request.GET, families=list(families.distinct()))
    models = with_figures(form.narrow(visible), now)
    page = Paginator(models, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "filters": form,
        "page": page,
        "rows": [{"repo": repo, "scale": scale(repo.parameters)} for repo in page],
        "narrowed": form.narrows,
        "figures": gate_figures(now),
    }
    return render(request, "site/home.html", context)
