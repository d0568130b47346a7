"""The page on which the lab changes the quotas of one grant."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.grants.detail import seen_by
from portal.access.grants.quotas.changing import change_quotas, require_may_change
from portal.access.grants.quotas.forms import QuotasForm
from portal.accounts.views import signed_in
from portal.forms.submitting import accepts, form_page, posted_data


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def quotas(request: HttpRequest, grant_id: int) -> HttpResponse:
    """Show the numbers that hold for a grant, and take others."""
    person, now = signed_in(request), timezone.now()
    grant = seen_by(person, grant_id, now).grant
    require_may_change(person, grant, now)
    form = QuotasForm(posted_data(request), grant=grant)
    before = grant.quotas

    def change() -> None:
        changed = change_quotas(
            actor=person,
            grant_id=grant_id,
            changes=form.changes(),
            reason=form.cleaned_data["reason"],
            now=now,
        )
        if changed.quotas == before:
            messages.info(request, "Nothing was changed: these numbers hold already.")
        else:
            messages.success(request, "Changed. The holder and the members get a letter.")

    if accepts(form, change):
        return redirect("access:grant", grant_id)
    context = {"grant": grant, "repo": grant.repo, "form": form, "now": now}
    return form_page(request, "access/grant_quotas.html", context)
