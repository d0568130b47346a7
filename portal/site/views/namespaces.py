"""Show a lab's page, or a person's: the models there that the visitor may know of."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import Namespace
from portal.catalog.models import ModelRepo
from portal.errors import NotFound
from portal.site.catalogue import scale_of, with_figures
from portal.surfaces.reads_only import READS, reads_only

PAGE_SIZE = 50


@reads_only
def namespace(request: HttpRequest, namespace: str) -> HttpResponse:
    return _page(request, namespace)


def _page(request: HttpRequest, namespace: str) -> HttpResponse:
    """List the models. A person without a model to show has no page: it would tell who is here."""
    owner = Namespace.objects.filter(name__iexact=namespace).first()
    visible = ModelRepo.objects.visible_to(request.user).filter(namespace=owner)
    if owner is None or (owner.person_id not in (None, request.user.pk) and not visible.exists()):
        raise NotFound(_("There’s nothing at this address, or nothing you may know of."))
    if owner.name != namespace:
        return redirect("site:namespace", owner.name)
    page = Paginator(with_figures(visible, timezone.now()), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    scale = scale_of(repo.parameters for repo in page)
    rows = [{"repo": repo, "x": scale and scale.x(repo.parameters)} for repo in page]
    return render(request, "site/namespace.html", {"owner": owner, "page": page, "rows": rows})


@reads_only
def unslashed(request: HttpRequest, namespace: str) -> HttpResponse:
    if request.method not in READS:
        return _page(request, namespace)
    return redirect("site:namespace", namespace)
