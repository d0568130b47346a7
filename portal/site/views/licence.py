"""A licence's text on a page of its own, and as the plain bytes that its sha256 is of."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from portal.access.licence_text import blocks
from portal.catalog.models import LicenceVersion


def _version(slug: str, version: str) -> LicenceVersion:
    versions = LicenceVersion.objects.select_related("licence")
    found: LicenceVersion = get_object_or_404(versions, licence__slug=slug, version=version)
    return found


def licence(request: HttpRequest, slug: str, version: str) -> HttpResponse:
    chosen = _version(slug, version)
    current = chosen.licence.versions.in_force_at(timezone.now()).first()
    context = {
        "licence": chosen,
        "blocks": blocks(chosen.text),
        "versions": chosen.licence.versions.all(),
        "current": current,
    }
    return render(request, "site/licence.html", context)


def licence_text(request: HttpRequest, slug: str, version: str) -> HttpResponse:
    text = _version(slug, version).text
    return HttpResponse(text.encode(), content_type="text/plain; charset=utf-8")
