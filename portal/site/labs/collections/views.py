"""Pages of a lab's collections: which there are, a new one, and the settings of one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.gate.effects import effects_of_deleting_collection
from portal.access.grants.collections.adding import add_model, grants_to_extend
from portal.accounts.models import Namespace
from portal.accounts.views import signed_in
from portal.catalog.collections.changes import (
    change_collection,
    create_collection,
    model_named,
    order_models,
    remove_model,
    standing_members,
)
from portal.catalog.collections.deleting import delete_collection
from portal.catalog.collections.reading import collections_of_lab
from portal.catalog.errors import CollectionNotFound
from portal.catalog.models import Collection
from portal.forms.pages import posted_from
from portal.forms.submitting import accepts, form_page, posted_data
from portal.site.labs.collections.forms import (
    AddModelForm,
    CollectionForm,
    NewCollectionForm,
    models_of_lab,
)
from portal.site.labs.lookup import lab_of_page, lab_to_publish_in, publishes_in

PAGE_SIZE = 50


@login_required
@require_safe
def collections(request: HttpRequest, namespace: str) -> HttpResponse:
    """List the collections of a lab."""
    lab = lab_of_page(request, namespace)
    standing = Count("members", filter=Q(members__left_at=None))
    listed = collections_of_lab(lab).annotate(model_count=standing).order_by("title", "pk")
    page = Paginator(listed, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"lab": lab, "page": page, "publishes": publishes_in(signed_in(request), lab)}
    return render(request, "site/labs/collections/list.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_collection(request: HttpRequest, namespace: str) -> HttpResponse:
    """Make a collection of the lab's models."""
    lab = lab_to_publish_in(request, namespace)
    form = NewCollectionForm(
        posted_data(request), models=models_of_lab(lab), initial={"on_add": Collection.OnAdd.ASK}
    )

    def create() -> None:
        create_collection(
            actor=signed_in(request), namespace=lab.name, now=timezone.now(), **form.cleaned_data
        )

    if accepts(form, create):
        messages.success(request, "The collection is made. Its page is public.")
        return redirect("site:lab_collection", lab.name, form.cleaned_data["slug"])
    return form_page(request, "site/labs/collections/new.html", {"lab": lab, "form": form})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def collection(request: HttpRequest, namespace: str, slug: str) -> HttpResponse:
    """Show the settings of a collection and its models, and change the settings."""
    lab, shown = _collection_of_page(request, namespace, slug)
    form = _settings_form(shown, posted_data(request))

    def change() -> None:
        change_collection(
            actor=signed_in(request),
            collection_id=shown.pk,
            now=timezone.now(),
            **form.cleaned_data,
        )

    if accepts(form, change):
        messages.success(request, "The collection is changed. What stands was left as it is.")
        return redirect("site:lab_collection", lab.name, shown.slug)
    return _settings_page(request, lab, shown, form)


def _collection_of_page(
    request: HttpRequest, namespace: str, slug: str
) -> tuple[Namespace, Collection]:
    lab = lab_to_publish_in(request, namespace)
    shown = collections_of_lab(lab).filter(slug__iexact=slug).first()
    if shown is None:
        raise CollectionNotFound
    return lab, shown


def _settings_form(shown: Collection, data: Any = None) -> CollectionForm:
    names = standing_members(shown).values_list("repo__name", flat=True)
    initial = {
        "title": shown.title,
        "summary": shown.summary,
        "lead": shown.lead.name,
        "on_add": shown.on_add,
    }
    return CollectionForm(data, models=[(name, name) for name in names], initial=initial)


def _settings_page(
    request: HttpRequest,
    lab: Namespace,
    shown: Collection,
    form: forms.Form,
) -> HttpResponse:
    members = standing_members(shown).select_related("repo__namespace")
    context = {
        "lab": lab,
        "collection": shown,
        "members": list(members),
        "form": form,
        "adding": AddModelForm(models=models_of_lab(lab)),
        "extends": shown.on_add == Collection.OnAdd.EXTEND,
    }
    return form_page(request, "site/labs/collections/collection.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def collection_add(request: HttpRequest, namespace: str, slug: str) -> HttpResponse:
    """Say what a model that joins means to those who have access; add it once that is confirmed."""
    lab, shown = _collection_of_page(request, namespace, slug)
    chosen = request.GET if "model" in request.GET else None
    data = request.POST if request.method == "POST" else chosen
    form = AddModelForm(data, models=models_of_lab(lab))
    now, context = timezone.now(), {"lab": lab, "collection": shown, "form": form}
    if not form.is_valid():
        return form_page(request, "site/labs/collections/choose.html", context)
    model = form.cleaned_data["model"]
    if request.method != "POST":
        context |= _adding(lab, shown, model, now)
        return render(request, "site/labs/collections/add.html", context)
    added = add_model(actor=signed_in(request), collection_id=shown.pk, model=model, now=now)
    messages.success(request, f"{model} has joined. {_extended(added.extended)}")
    return redirect("site:lab_collection", lab.name, shown.slug)


def _adding(lab: Namespace, shown: Collection, model: str, now: datetime) -> dict[str, Any]:
    repo = model_named(lab, model, "model")
    return {
        "repo": repo,
        "extends": shown.on_add == Collection.OnAdd.EXTEND,
        "grants": grants_to_extend(shown, repo, now).count(),
    }


def _extended(number: int) -> str:
    if number == 0:
        return "No standing grant was extended to it."
    if number == 1:
        return "1 standing grant opens it too, and its holder knows."
    return f"{number} standing grants open it too, and the holders know."


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def collection_delete(request: HttpRequest, namespace: str, slug: str) -> HttpResponse:
    """Say what deleting a collection means to those who have access, and delete it."""
    lab, shown = _collection_of_page(request, namespace, slug)
    now = timezone.now()
    if request.method == "POST":
        delete_collection(actor=signed_in(request), collection_id=shown.pk, now=now)
        messages.success(request, f"{shown.title} is deleted. Whoever has access keeps it.")
        return redirect("site:lab_collections", lab.name)
    effects = effects_of_deleting_collection(shown, now)
    context = {"lab": lab, "collection": shown, "effects": effects}
    return render(request, "site/labs/collections/delete.html", context)


@posted_from("site:lab_collection", "namespace", "slug")
def collection_remove(request: HttpRequest, namespace: str, slug: str) -> HttpResponse:
    """Take a model out of a collection; nobody's access ends."""
    lab, shown = _collection_of_page(request, namespace, slug)
    repo = model_named(lab, request.POST.get("model", ""), "model")
    remove_model(
        actor=signed_in(request), collection_id=shown.pk, repo_id=repo.pk, now=timezone.now()
    )
    messages.success(request, f"{repo.name} has left. Whoever has access to it keeps it.")
    return redirect("site:lab_collection", lab.name, shown.slug)


@posted_from("site:lab_collection", "namespace", "slug")
def collection_move(request: HttpRequest, namespace: str, slug: str) -> HttpResponse:
    """Move a model one place up in a collection."""
    lab, shown = _collection_of_page(request, namespace, slug)
    names = list(standing_members(shown).values_list("repo__name", flat=True))
    moved = request.POST.get("model", "")
    if moved in names[1:]:
        place = names.index(moved)
        names[place - 1], names[place] = names[place], names[place - 1]
    order_models(actor=signed_in(request), collection_id=shown.pk, models=names, now=timezone.now())
    return redirect("site:lab_collection", lab.name, shown.slug)
