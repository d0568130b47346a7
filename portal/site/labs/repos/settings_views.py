"""Pages of a model's settings, of its name, and of its end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.gate.effects import standing_on
from portal.accounts.models import Namespace
from portal.accounts.views import signed_in
from portal.catalog.collections.leaving import collection_led_by
from portal.catalog.errors import LeadsCollection, NameKept, RepoExists
from portal.catalog.licensing.hosting import standing_right
from portal.catalog.models import Licence, ModelRepo
from portal.catalog.quarantine.consenting import state_right
from portal.catalog.quarantine.load_results import why_not_loaded
from portal.catalog.services.lookup import head_revision
from portal.catalog.services.renaming import give_up_name
from portal.catalog.services.repos import configure_repo
from portal.errors import FieldErrors
from portal.forms.pages import posted_from
from portal.forms.submitting import accepts, form_page, posted_data
from portal.site.labs.repos import acts
from portal.site.labs.repos.effects import what_deleting_does, what_moving_does
from portal.site.labs.repos.forms import DeleteForm, ModelSettingsForm, RenameForm
from portal.site.labs.repos.values import changed_labels, fingerprint, setting_values
from portal.site.labs.repos.views import published

PAGE = ["GET", "HEAD", "POST"]
CHANGED_MEANWHILE = (
    "Somebody changed these settings since you opened the page. Open it in another tab to compare; "
    "if you save again, yours hold."
)


@login_required
@require_http_methods(PAGE)
def settings(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Show and change what a lab sets of a model, and say what changed."""
    person, now = signed_in(request), timezone.now()
    repo = published(person, namespace, name)
    before = setting_values(repo)
    form = ModelSettingsForm(
        posted_data(request),
        initial=ModelSettingsForm.initial_of(repo),
        licences=_choosable(repo, now),
    )

    def save() -> None:
        if request.POST.get("over") != fingerprint(before):
            raise FieldErrors({"over": CHANGED_MEANWHILE})
        chosen, statement = form.configuration(), form.statement()
        with transaction.atomic():
            changed = configure_repo(actor=person, repo_id=repo.pk, now=now, **chosen)
            if statement:
                state_right(actor=person, repo_id=repo.pk, statement=statement, now=now)
        labels = changed_labels(before, setting_values(changed))
        messages.success(request, _told([*labels, *(["right to host"] if statement else [])]))

    if accepts(form, save):
        return redirect("site:model_settings", repo.namespace.name, repo.name)
    standing = standing_on(ModelRepo.objects.filter(pk=repo.pk), now)
    context = {"repo": repo, "form": form, "standing": standing, "over": fingerprint(before)}
    head = head_revision(repo) if repo.hosted else None
    context["not_loaded"] = why_not_loaded(repo, head) if head else ""
    context["right"] = standing_right(repo)
    return form_page(request, "site/labs/model_settings.html", context)


def _choosable(repo: ModelRepo, now: datetime) -> Any:
    """Select the licences that may be chosen, and the one that the model stands under."""
    current = Licence.objects.filter(repos=repo).distinct()
    return (Licence.objects.signable_at(now) | current).order_by("name", "slug")


def _told(labels: list[str]) -> str:
    if not labels:
        return "Nothing differs from before."
    return f"Saved: {', '.join(labels)}."


@login_required
@require_http_methods(PAGE)
def rename(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Say what another name does, and give it."""
    person, now = signed_in(request), timezone.now()
    repo = published(person, namespace, name)
    places = list(Namespace.objects.publishable_by(person).order_by("name"))
    initial = {"namespace": repo.namespace.name, "new_name": repo.name}
    form = RenameForm(posted_data(request), places=places, initial=initial)

    def move() -> None:
        place, new_name = form.cleaned_data["namespace"], form.cleaned_data["new_name"]
        try:
            acts.rename(actor=person, repo=repo, namespace=place, name=new_name, now=now)
        except (RepoExists, NameKept) as error:
            raise FieldErrors({"new_name": error.message}) from error
        except LeadsCollection as error:
            raise FieldErrors({"namespace": error.message}) from error

    if accepts(form, move):
        place, new_name = form.cleaned_data["namespace"], form.cleaned_data["new_name"]
        messages.success(request, f"It is {place}/{new_name} now. {repo.full_name} leads there.")
        return redirect("site:model_settings", place, new_name)
    context = {"repo": repo, "form": form, "effects": what_moving_does(repo, now)}
    context["led"] = collection_led_by(repo.pk)
    context["former_names"] = repo.former_names.select_related("namespace").order_by("pk")
    return form_page(request, "site/labs/model_rename.html", context)


@posted_from("site:model_rename", "namespace", "name")
def give_up(request: HttpRequest, namespace: str, name: str, former_id: int) -> HttpResponse:
    """Free a name that leads to the model."""
    person = signed_in(request)
    repo = published(person, namespace, name)
    former = get_object_or_404(repo.former_names.select_related("namespace"), pk=former_id)
    place = former.namespace.name
    give_up_name(actor=person, namespace=place, name=former.name, now=timezone.now())
    messages.success(request, f"{place}/{former.name} is free. Another model may take it.")
    return redirect("site:model_rename", repo.namespace.name, repo.name)


@login_required
@require_http_methods(PAGE)
def delete(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Say what deleting a model does, and delete it once its name is typed."""
    person, now = signed_in(request), timezone.now()
    repo = published(person, namespace, name)
    form = DeleteForm(posted_data(request))

    def end() -> None:
        acts.delete(actor=person, repo=repo, confirm=form.cleaned_data["confirm"], now=now)

    if accepts(form, end):
        messages.success(request, f"{repo.full_name} is deleted. Its records stay.")
        return redirect("site:lab_models", repo.namespace.name)
    context = {"repo": repo, "form": form, "effects": what_deleting_does(repo, now)}
    context["led"] = collection_led_by(repo.pk)
    return form_page(request, "site/labs/model_delete.html", context)
