"""The operators' page of workers: who serves which model, by which engine, since when."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.accounts.operating import SEE_WORKERS, require_operator
from portal.accounts.views import signed_in
from portal.formatting import counted
from portal.jobs.hosting import unserved_repos
from portal.jobs.serving.load import loads_of_hosted
from portal.jobs.serving.servers import live_servers

PAGE_SIZE = 25


@login_required
@require_safe
def serving(request: HttpRequest) -> HttpResponse:
    """List the workers that serve a model now, and the hosted models that none serves."""
    require_operator(signed_in(request), SEE_WORKERS)
    now = timezone.now()
    page = Paginator(live_servers(now), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = [
        (server, server.context_length and counted(server.context_length, "token"))
        for server in page
    ]
    context: dict[str, object] = {
        "page": page,
        "rows": rows,
        "unserved": unserved_repos(now),
        "loads": loads_of_hosted(now),
        "now": now,
    }
    return render(request, "jobs/serving.html", context)
