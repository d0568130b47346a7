"""Pages of holds, for those who may place and lift them."""

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
from portal.access.status_badge import StatusBadge
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors, Forbidden
from portal.forms.fields import show_errors
from portal.forms.pages import posted_from
from portal.forms.submitting import form_page

PAGE_SIZE = 30
RELATED = (
    "person",
    "organization",
    "revision__repo__namespace",
    "repo__namespace",
    "placed_by",
)
VIEWS = (("standing", "Standing"), ("lifted", "Lifted"))


def _administrator(request: HttpRequest) -> User:
    """Return who is signed in; raise Forbidden where they administer no model."""
    person = signed_in(request)
    if not ModelRepo.objects.administered_by(person).exists():
        raise Forbidden("Holds are for the people who administer a model.")
    return person


def _visible(person: User) -> QuerySet[ModelRepo]:
    return ModelRepo.objects.visible_to(person)


def hold_badge(hold: Hold) -> StatusBadge:
    if hold.lifted_at is not None:
        return StatusBadge("calm", "Lifted", "tick")
    return StatusBadge("stop", "Standing", "held")


@login_required
@require_safe
def holds(request: HttpRequest) -> HttpResponse:
    """List the holds that the reader may manage, standing or lifted."""
    person = _administrator(request)
    view = "lifted" if request.GET.get("view") == "lifted" else "standing"
    in_view = Hold.objects.manageable_by(person).filter(lifted_at__isnull=view == "standing")
    page = Paginator(in_view.select_related(*RELATED), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "view": view,
        "tabs": VIEWS,
        "page": page,
        "rows": [(hold, hold_badge(hold), subject_words(hold), what_of(hold)) for hold in page],
        "now": timezone.now(),
    }
    return render(request, "access/holds.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def place(request: HttpRequest) -> HttpResponse:
    """Show what a hold would stop, then place it: ``place`` is the second button."""
    person, now = _administrator(request), timezone.now()
    repos = ModelRepo.objects.administered_by(person).with_names()
    options: dict[str, Any] = {"repos": repos, "everywhere": person.is_superuser}
    if request.method != "POST":
        names = ("scope", "subject", "repo")
        initial = {name: request.GET[name] for name in names if name in request.GET}
        return _place_page(request, HoldForm(initial=initial, **options), now)
    form = HoldForm(request.POST, **options)
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
    values = form.cleaned_data
    repo = values["repo"]
    hold = {
        "actor": person,
        "scope": values["scope"],
        "subject_id": subject_id(values["scope"], values["subject"], repo),
        "repo_id": repo.pk if repo else None,
        "only_files": values["only_files"],
        "now": now,
    }
    if "place" not in request.POST:
        would = proposed(**hold)
        more = {
            "would": affected_by(would, now, visible=_visible(person)),
            "named": subject_words(would),
        }
        return _place_page(request, form, now, **more)
    placed = place_hold(**hold, reason=values["reason"])
    messages.success(request, "Hold placed. It binds from now on; letters are on their way.")
    return redirect("access:hold", placed.pk)


def _place_page(request: HttpRequest, form: HoldForm, now: datetime, **more: Any) -> HttpResponse:
    return form_page(request, "access/hold_place.html", {"form": form, "now": now, **more})


@login_required
@require_safe
def hold(request: HttpRequest, hold_id: int) -> HttpResponse:
    """Show one hold, with what it stops and the form that lifts it."""
    return _page(request, _hold(signed_in(request), hold_id), LiftForm())


def _hold(person: User, hold_id: int) -> Hold:
    manageable = Hold.objects.manageable_by(person).select_related(*RELATED)
    hold: Hold | None = manageable.filter(pk=hold_id).first()
    if hold is None:
        raise HoldNotFound
    return hold


def _page(request: HttpRequest, hold: Hold, form: LiftForm) -> HttpResponse:
    person, now = signed_in(request), timezone.now()
    lifts = list(hold.lifts.select_related("person"))
    standing = hold.lifted_at is None
    context = {
        "hold": hold,
        "state": hold_badge(hold),
        "named": subject_words(hold),
        "what": what_of(hold),
        "stops": affected_by(hold, now, visible=_visible(person)) if standing else None,
        "lifts": lifts,
        "quorum": lift_quorum(hold),
        "gave": any(lift.person_id == person.pk for lift in lifts),
        "held_too": standing and is_held(person, hold, now),
        "form": form,
        "now": now,
    }
    return form_page(request, "access/hold.html", context)


@posted_from("access:hold", "hold_id")
def lift(request: HttpRequest, hold_id: int) -> HttpResponse:
    """Agree to lift a hold."""
    person, form = signed_in(request), LiftForm(request.POST)
    hold = _hold(person, hold_id)
    if not form.is_valid():
        return _page(request, hold, form)
    reason = form.cleaned_data["reason"]
    lifted = lift_hold(actor=person, hold_id=hold_id, reason=reason, now=timezone.now())
    agreed = "You agreed. The hold ends once enough people have."
    messages.success(request, "Lifted; letters are on their way." if lifted.lifted_at else agreed)
    return redirect("access:hold", hold_id)
