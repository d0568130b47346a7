"""Pages of the API’s documentation."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from portal.api.docs.operations import OperationGroup, operation_groups

LONGEST_SEARCH = 100


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """List every operation, or those that were searched for."""
    words = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    chosen = [
        OperationGroup(group.slug, [it for it in group.operations if it.matches(words)])
        for group in operation_groups()
    ]
    context = {
        "groups": [group for group in chosen if group.operations],
        "q": words,
        "base_url": settings.BASE_URL,
    }
    return render(request, "api_docs/index.html", context)


@require_safe
def group(request: HttpRequest, slug: str) -> HttpResponse:
    """Show each operation of one group: what it takes, and what it answers."""
    groups = operation_groups()
    chosen = next((it for it in groups if it.slug == slug), None)
    if chosen is None:
        return redirect("api:docs")
    return render(request, "api_docs/group.html", {"group": chosen, "groups": groups})
