"""A licence's text on a page of its own, as the plain bytes of its sha256, and beside another."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from portal.access.requests.licence_text import blocks
from portal.catalog.models import LicenceVersion
from portal.site.licence_changes import differences

VERSIONS_PER_PAGE = 20


def _version(slug: str, version: str) -> LicenceVersion:
    versions = LicenceVersion.objects.select_related("licence")
    return get_object_or_404(versions, licence__slug=slug, version=version)


def licence(request: HttpRequest, slug: str, version: str) -> HttpResponse:
    chosen = _version(slug, version)
    now = timezone.now()
    versions = LicenceVersion.objects.filter(licence=chosen.licence).select_related("licence")
    page = Paginator(versions.defer("text"), VERSIONS_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "licence": chosen,
        "blocks": blocks(chosen.text),
        "page": page,
        "current": versions.in_force_at(now).first(),
        "is_to_come": chosen.effective_at > now,
    }
    return render(request, "site/licence.html", context)


def licence_text(request: HttpRequest, slug: str, version: str) -> HttpResponse:
    text = _version(slug, version).text
    return HttpResponse(text.encode(), content_type="text/plain; charset=utf-8")


def licence_changes(request: HttpRequest, slug: str, version: str, other: str) -> HttpResponse:
    """Show what changed from the older of two versions to the newer, in whichever order named."""
    newer, older = _version(slug, version), _version(slug, other)
    if (older.effective_at, older.pk) > (newer.effective_at, newer.pk):
        newer, older = older, newer
    return render(request, "site/licence_changes.html", differences(older, newer))
