"""Pages of labs: which there are, a new one, and the settings of one."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.people.accepting import invitations_for
from portal.accounts.operating import MAKE_A_LAB, require_operator
from portal.accounts.services import create_lab
from portal.accounts.views import signed_in
from portal.catalog.labs.lookup import labs_listed_to
from portal.forms.submitting import accepts, form_page, posted_data
from portal.site.labs.forms import NewLabForm

PAGE_SIZE = 50


@login_required
def labs(request: HttpRequest) -> HttpResponse:
    """List the labs in which somebody publishes or administers; to operators, all of them."""
    person = signed_in(request)
    page = Paginator(labs_listed_to(person), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "own_invitations": invitations_for(person, timezone.now())}
    return render(request, "site/labs/labs.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_lab(request: HttpRequest) -> HttpResponse:
    """Make a lab, which operators may; they publish there until they give that to others."""
    person = signed_in(request)
    require_operator(person, MAKE_A_LAB)
    form = NewLabForm(posted_data(request))

    def create() -> None:
        create_lab(actor=person, now=timezone.now(), **form.cleaned_data)

    if accepts(form, create):
        messages.success(request, "The lab is made. Next, invite the people who publish there.")
        return redirect("site:lab", form.cleaned_data["name"])
    return form_page(request, "site/labs/new.html", {"form": form})


def unslashed(request: HttpRequest, namespace: str = "") -> HttpResponse:
    return redirect("site:lab", namespace) if namespace else redirect("site:labs")
