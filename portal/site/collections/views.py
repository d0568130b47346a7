"""The public page of a collection."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.catalog.collections.reading import collection_named
from portal.catalog.labs.lookup import labs_run_by
from portal.site.collections.page import look_at_collection
from portal.site.context import person


@require_safe
def collection(request: HttpRequest, namespace: str, slug: str) -> HttpResponse:
    """Show a collection's models, what stands before each, and what its visitor has of them."""
    visitor = person(request)
    shown = collection_named(namespace, slug, visitor)
    if shown.full_name != f"{namespace}/{slug}":
        return redirect("site:collection", shown.namespace.name, shown.slug)
    context = {
        "page": look_at_collection(shown, visitor, timezone.now()),
        "collection": shown,
        "runs_lab": labs_run_by(request.user).filter(pk=shown.namespace_id).exists(),
    }
    return render(request, "site/collections/collection.html", context)
