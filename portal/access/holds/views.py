"""Holds, for those who may place and lift them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.errors import HoldNotFound
from portal.access.holds.forms import HoldForm, LiftForm
from portal.access.holds.holds import is_held, lift_hold, lift_quorum, place_hold, proposed
from portal.access.holds.impact import affected_by
from portal.access.holds.targets import subject_id, subject_words
from portal.access.letters.holds import what_of
from portal.access.models import Hold
from portal.access.status_badge import Mark
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors, Forbidden
from portal.forms.fields import show_errors
from portal.forms.pages import posted_from

PAGE_SIZE = 30
RELATED = (
    "person",
    "organization",
    "revision__repo__namespace",
    "repo__namespace",
    "placed_by",
)
VIEWS = (("standing", "Standing"), ("lifted", "Lifted"))


def _keeper(request: HttpRequest) -> User:
    """Who is signed in, if they may hold anything at all."""
    person = signed_in(request)
    if not ModelRepo.objects.administered_by(person).exists():
        raise Forbidden("Holds are for the people who administer a model.")
    return person


def _visible(person: User) -> QuerySet[ModelRepo]:
    return ModelRepo.objects.visible_to(person)


def hold_mark(hold: Hold) -> Mark:
    if hold.lifted_at is not None:
        return Mark("calm", "Lifted", "tick")
    return Mark("stop", "Standing", "held")


@login_required
@require_safe
def holds(request: HttpRequest) -> HttpResponse:
    person = _keeper(request)
    view = "lifted" if request.GET.get("view") == "lifted" else "standing"
    found = Hold.objects.manageable_by(person).filter(lifted_at__isnull=view == "standing")
    found = found.select_related(*RELATED)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "view": view,
        "tabs": VIEWS,
        "page": page,
        "rows": [(hold, hold_mark(hold), subject_words(hold), what_of(hold)) for hold in page],
        "now": timezone.now(),
    }
    return render(request, "access/holds.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def place(request: HttpRequest) -> HttpResponse:
    """First what it would stop, then the act: ``place`` is the second button."""
    person, now = _keeper(request), timezone.now()
    repos = ModelRepo.objects.administered_by(person).with_names()
    given: dict[str, Any] = {"repos": repos, "everywhere": person.is_superuser}
    if request.method != "POST":
        names = ("scope", "subject", "repo")
        initial = {name: request.GET[name] for name in names if name in request.GET}
        return _place_page(request, HoldForm(initial=initial, **given), now)
    form = HoldForm(request.POST, **given)
    if not form.is_valid():
        return _place_page(request, form, now)
    try:
        return _preview_or_place(request, person, form, now)
    except FieldErrors as error:
        show_errors(form, error)
        return _place_page(request, form, now)


def _preview_or_place(
    request: HttpRequest, person: User, form: HoldForm, now: datetime
) -> HttpResponse:
    asked = form.cleaned_data
    repo = asked["repo"]
    hold = {
        "actor": person,
        "scope": asked["scope"],
        "subject_id": subject_id(asked["scope"], asked["subject"], repo),
        "repo_id": repo.pk if repo else None,
        "only_files": asked["only_files"],
        "now": now,
    }
    if "place" not in request.POST:
        would = proposed(**hold)
        more = {
            "would": affected_by(would, now, visible=_visible(person)),
            "named": subject_words(would),
        }
        return _place_page(request, form, now, **more)
    placed = place_hold(**hold, reason=asked["reason"])
    messages.success(request, "Placed. It binds from this moment; letters are on their way.")
    return redirect("access:hold", placed.pk)


def _place_page(request: HttpRequest, form: HoldForm, now: datetime, **more: Any) -> HttpResponse:
    status = 422 if form.errors else 200
    return render(
        request, "access/hold_place.html", {"form": form, "now": now, **more}, status=status
    )


@login_required
@require_safe
def hold(request: HttpRequest, hold_id: int) -> HttpResponse:
    return _page(request, _hold(signed_in(request), hold_id), LiftForm())


def _hold(person: User, hold_id: int) -> Hold:
    manageable = Hold.objects.manageable_by(person).select_related(*RELATED)
    found: Hold | None = manageable.filter(pk=hold_id).first()
    if found is None:
        raise HoldNotFound
    return found


def _page(request: HttpRequest, found: Hold, form: LiftForm) -> HttpResponse:
    person, now = signed_in(request), timezone.now()
    lifts = list(found.lifts.select_related("person"))
    standing = found.lifted_at is None
    context = {
        "hold": found,
        "state": hold_mark(found),
        "named": subject_words(found),
        "what": what_of(found),
        "stops": affected_by(found, now, visible=_visible(person)) if standing else None,
        "lifts": lifts,
        "quorum": lift_quorum(found),
        "gave": any(lift.person_id == person.pk for lift in lifts),
        "held_too": standing and is_held(person, found, now),
        "form": form,
        "now": now,
    }
    status = 422 if form.errors else 200
    return render(request, "access/hold.html", context, status=status)


@posted_from("access:hold", "hold_id")
def lift(request: HttpRequest, hold_id: int) -> HttpResponse:
    person, form = signed_in(request), LiftForm(request.POST)
    found = _hold(person, hold_id)
    if not form.is_valid():
        return _page(request, found, form)
    reason = form.cleaned_data["reason"]
    lifted = lift_hold(actor=person, hold_id=hold_id, reason=reason, now=timezone.now())
    said = "Lifted; letters are on their way." if lifted.lifted_at else "Your word is given."
    messages.success(request, said)
    return redirect("access:hold", hold_id)
