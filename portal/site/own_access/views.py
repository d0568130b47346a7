"""Pages of a person's own access: where they stand at every gate, and what they downloaded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from portal.access.applicant.next_steps import next_steps_of
from portal.access.grants.own import grants_of, grants_open_to, listed
from portal.access.grants.pending_actions import pending_actions_of
from portal.access.models import AccessRequest
from portal.access.querysets import AccessRequestQuerySet
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.delivery.accounting.progress import downloaded_revisions, progress_of
from portal.delivery.accounting.quota import downloads_today
from portal.jobs.own.left import own_quotas_today
from portal.jobs.quota import quota_today
from portal.site.own_access.rows import open_rows

PAGE_SIZE = 20
SHOWN = 50  # of what is open or under way; all of it stands in the other two views
VIEWS = (("now", _("Now")), ("requests", _("All requests")), ("grants", _("All grants")))


@login_required
@require_safe
def access(request: HttpRequest) -> HttpResponse:
    """Show what waits for this person, what is open to them, and what they asked for."""
    person, now = signed_in(request), timezone.now()
    names = [name for name, _ in VIEWS]
    view = request.GET.get("view", "")
    view = view if view in names else "now"
    context: dict[str, Any] = {"view": view, "views": VIEWS, "now": now}
    if view == "now":
        context |= _now(person, now)
    elif view == "requests":
        requests = Paginator(_requests(person), PAGE_SIZE).get_page(request.GET.get("page"))
        context |= {"page": requests, "requests": next_steps_of(requests, now)}
    else:
        grants = Paginator(grants_of(person, now), PAGE_SIZE).get_page(request.GET.get("page"))
        context |= {"page": grants, "grants": listed(list(grants), person, now)}
    return render(request, "site/access/access.html", context)


def _requests(person: User) -> AccessRequestQuerySet[AccessRequest]:
    requests: AccessRequestQuerySet[AccessRequest] = AccessRequest.objects.of(person)
    return requests.select_related("repo__namespace", "collection__namespace")


def _now(person: User, now: datetime) -> dict[str, Any]:
    open_grants = list(grants_open_to(person, now)[:SHOWN])
    quotas, tokens = own_quotas_today(person, open_grants, now), quota_today(person, now)
    return {
        "pending": pending_actions_of(person, now),
        "open_rows": open_rows(listed(open_grants, person, now), quotas, tokens, now),
        "requests": next_steps_of(_requests(person).open()[:SHOWN], now),
        "has_history": _requests(person).exists() or grants_of(person, now).exists(),
        "tokens": tokens,
        "downloads": downloads_today(person.pk, now),
    }


@login_required
@require_safe
def downloads(request: HttpRequest) -> HttpResponse:
    """Show how far this person's downloads came, by revision, the last one first."""
    person, now = signed_in(request), timezone.now()
    page = Paginator(downloaded_revisions(person), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": progress_of(person, list(page), now),
        "today": downloads_today(person.pk, now),
        "now": now,
    }
    return render(request, "site/access/downloads.html", context)
