"""The page with the sums of hosted use, and the same as CSV."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.access.policy.administering import usage_seen_by
from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.accounts.views import signed_in
from portal.catalog.services.lookup import find_repo
from portal.errors import FieldErrors
from portal.jobs.accounting.months import Months
from portal.jobs.accounting.tariffs import rates_between
from portal.jobs.accounting.usage import UsageGrouping, UsageSum, in_all, usage_sums
from portal.site.archives.csv_lines import csv_line
from portal.site.usage.forms import UsageForm
from portal.site.usage.table import COLUMNS, values_of

PAGE_SIZE = 50
TABS = [
    (UsageGrouping.MONTH, _("Months")),
    (UsageGrouping.MODEL, _("Models")),
    (UsageGrouping.PERSON, _("People")),
    (UsageGrouping.ORGANIZATION, _("Organizations")),
]


@dataclass(frozen=True)
class _Asked:
    """The sums that somebody asked for."""

    by: UsageGrouping
    months: Months
    sums: list[UsageSum]


def _grouping(request: HttpRequest) -> UsageGrouping:
    chosen = request.GET.get("by", "")
    return UsageGrouping(chosen) if chosen in list(UsageGrouping) else UsageGrouping.MONTH


def _form(request: HttpRequest) -> UsageForm:
    return UsageForm(request.GET, default=Months.until(timezone.now()))


def _wanted(request: HttpRequest, person: User, form: UsageForm) -> _Asked:
    """Add up what a clean form asks for. Raises RepoNotFound for a model that isn't there."""
    by, months = _grouping(request), form.months
    name = form.cleaned_data["model"]
    repo = find_repo(name, caller=Caller(person)) if name else None
    seen = usage_seen_by(person)
    sums = usage_sums(seen, by, since=months.begins, until=months.ends, repo=repo)
    return _Asked(by, months, sums)


@login_required
@never_cache
@require_safe
def usage(request: HttpRequest) -> HttpResponse:
    """Show the sums by month, model, person or organization, a page at a time."""
    person, form = signed_in(request), _form(request)
    context = {"form": form, "tabs": TABS, "by": _grouping(request)}
    if not form.is_valid():
        return render(request, "site/usage.html", context, status=422)
    wanted = _wanted(request, person, form)
    context |= {
        "months": wanted.months,
        "page": Paginator(wanted.sums, PAGE_SIZE).get_page(request.GET.get("page")),
        "totals": in_all(wanted.sums),
        "priced": rates_between(wanted.months.begins.date(), wanted.months.ends.date()),
    }
    return render(request, "site/usage.html", context)


@login_required
@never_cache
@require_safe
def usage_csv(request: HttpRequest) -> HttpResponse:
    """Answer all lines of the sums that the page shows. Raises FieldErrors."""
    person, form = signed_in(request), _form(request)
    if not form.is_valid():
        raise FieldErrors({name: str(errors[0]) for name, errors in form.errors.items()})
    wanted = _wanted(request, person, form)
    text = "".join(map(csv_line, [COLUMNS, *map(values_of, wanted.sums)]))
    first, last = wanted.months.first, wanted.months.last
    filename = f"usage-{wanted.by}-{first:%Y-%m}-{last:%Y-%m}.csv"
    return HttpResponse(
        text,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )
