"""The downloads of a model, for the people who run it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.access.grants.renewals import reviews
from portal.accounts.tokens.authentication import Caller
from portal.accounts.views import signed_in
from portal.catalog.services.lookup import find_repo
from portal.delivery.accounting.usage import Grouping, usage_of
from portal.errors import Forbidden

PAGE_SIZE = 50
TABS = [
    (Grouping.PERSON, "People"),
    (Grouping.ORGANIZATION, "Organizations"),
    (Grouping.REVISION, "Revisions"),
]


@login_required
@require_safe
def downloads(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """List downloads by person, organization or revision, a page at a time."""
    person = signed_in(request)
    repo = find_repo(f"{namespace}/{name}", caller=Caller(person))
    if not reviews(person, repo):
        raise Forbidden("The downloads of a model are for the people who run it.")
    chosen = request.GET.get("by", "")
    by = Grouping(chosen) if chosen in list(Grouping) else Grouping.PERSON
    page = Paginator(usage_of(repo, by), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"repo": repo, "by": by, "tabs": TABS, "page": page, "now": timezone.now()}
    return render(request, "site/downloads.html", context)
