"""Pages of a lab's models: the list, a new one, and how its files come."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.policy.administering import repo_run_by
from portal.access.policy.permissions import Action
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.catalog.errors import NameKept, RepoExists
from portal.catalog.models import Licence, ModelRepo
from portal.errors import FieldErrors
from portal.forms.submitting import accepts, form_page, posted_data
from portal.hub.services.repos import start_repo
from portal.site.labs.lookup import lab_of_page, lab_to_publish_in, publishes_in
from portal.site.labs.repos.forms import NewModelForm
from portal.site.labs.repos.listing import models_of, rows_of

PAGE_SIZE = 50


def published(person: User, namespace: str, name: str) -> ModelRepo:
    """Return a repo to somebody who may publish it. Raise RepoNotFound, or Forbidden."""
    return repo_run_by(person, f"{namespace}/{name}", Action.PUBLISH)


@login_required
@require_safe
def models(request: HttpRequest, namespace: str) -> HttpResponse:
    """List the lab's models that the person works with."""
    lab, person = lab_of_page(request, namespace), signed_in(request)
    page = Paginator(models_of(lab, person), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "lab": lab,
        "page": page,
        "rows": rows_of(page),
        "publishes": publishes_in(person, lab),
    }
    return render(request, "site/labs/models.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_model(request: HttpRequest, namespace: str) -> HttpResponse:
    """Make a model, then lead to the page that says how its files come."""
    lab, person, now = lab_to_publish_in(request, namespace), signed_in(request), timezone.now()
    form = NewModelForm(posted_data(request), licences=Licence.objects.signable_at(now))

    def make() -> None:
        try:
            start_repo(actor=person, namespace=lab.name, now=now, **form.configuration())
        except (RepoExists, NameKept) as error:
            raise FieldErrors({"name": error.message}) from error

    if accepts(form, make):
        messages.success(request, "The model is made. Bring its files next.")
        return redirect("site:model_files", lab.name, form.cleaned_data["name"])
    return form_page(request, "site/labs/new_model.html", {"lab": lab, "form": form})


@login_required
@require_safe
def files(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Show how a model's files are brought, in commands to paste."""
    repo = published(signed_in(request), namespace, name)
    context = {"repo": repo, "base_url": settings.BASE_URL}
    return render(request, "site/labs/model_files.html", context)
