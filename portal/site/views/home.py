"""The catalogue: every model that the user may know of."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal.catalog.models import ModelRepo
from portal.site.catalogue import FilterForm, licences_of, scale_of, with_figures
from portal.site.planner.history import family_of_2022
from portal.site.transparency.reading import newest_figures

PAGE_SIZE = 50


def home(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    visible = ModelRepo.objects.visible_to(request.user)
    families = visible.exclude(family="").order_by("family").values_list("family", flat=True)
    licences = licences_of(visible)
    form = FilterForm(request.GET, families=list(families.distinct()), licences=licences)
    models = with_figures(form.narrow(visible), now)
    page = Paginator(models, PAGE_SIZE).get_page(request.GET.get("page"))
    scale = scale_of(visible.values_list("parameters", flat=True).distinct())
    context = {
        "filters": form,
        "page": page,
        "rows": [{"repo": repo, "x": scale and scale.x(repo.parameters)} for repo in page],
        "scale": scale,
        "narrowed": form.narrows,
        "family": family_of_2022(request.user) if form.shows_opt else None,
        "figures": newest_figures(),
    }
    return render(request, "site/home.html", context)
