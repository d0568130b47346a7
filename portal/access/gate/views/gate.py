"""A gate as its administrators settle it: how its team works, and who is on it."""

from __future__ import annotations

from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.gate.forms import GateForm, SeatForm
from portal.access.gate.settings import save_gate, seat_member, unseat_member
from portal.access.gate.team_capacity import team_of, warnings
from portal.access.policy.gate_settings import settings_of
from portal.access.requests.form.questions import lab_questions, newest_form
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.catalog.errors import RepoNotFound
from portal.catalog.models import ModelRepo, TeamMember
from portal.errors import FieldErrors
from portal.forms.fields import show_errors
from portal.forms.pages import posted_from


def administered(person: User, namespace: str, name: str) -> ModelRepo:
    """A repo that this person administers; for anyone else there is none."""
    repos = ModelRepo.objects.administered_by(person).with_names()
    found: ModelRepo | None = repos.named(f"{namespace}/{name}").first()
    if found is None:
        raise RepoNotFound("There’s no such model, or none that you administer.")
    return found


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def gate(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    person = signed_in(request)
    repo = administered(person, namespace, name)
    if request.method != "POST":
        seat = SeatForm(initial={"person": request.GET.get("seat", "")})
        return _page(request, repo, GateForm(initial=_initial(repo)), seat)
    form = GateForm(request.POST)
    if form.is_valid():
        try:
            save_gate(actor=person, repo_id=repo.pk, values=form.cleaned_data, now=timezone.now())
        except FieldErrors as error:
            show_errors(form, error)
        else:
            messages.success(request, "The gate’s settings are saved.")
            return redirect("access:gate", repo.namespace.name, repo.name)
    return _page(request, repo, form, SeatForm())


def _initial(repo: ModelRepo) -> dict[str, int | bool]:
    settings = settings_of(repo)
    own = {
        name: getattr(settings, name) for name in GateForm.base_fields if name != "decision_days"
    }
    return {**own, "decision_days": repo.decision_days}


def _page(request: HttpRequest, repo: ModelRepo, form: GateForm, seat: SeatForm) -> HttpResponse:
    seats = TeamMember.objects.filter(repo=repo).select_related("user").order_by("user__username")
    context = {
        "repo": repo,
        "form": form,
        "seat_form": seat,
        "team": seats,
        "roles": TeamMember.Role.choices,
        "warnings": warnings(settings_of(repo).quorum, team_of(repo)),
        "questions": len(lab_questions(newest_form(repo))),
    }
    failed = form.errors or seat.errors
    return render(request, "access/gate.html", context, status=422 if failed else 200)


@posted_from("access:gate", "namespace", "name")
def seat(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Onto the team, or into another role."""
    person = signed_in(request)
    repo = administered(person, namespace, name)
    form = SeatForm(request.POST)
    if form.is_valid():
        try:
            seat_member(actor=person, repo_id=repo.pk, now=timezone.now(), **form.cleaned_data)
        except FieldErrors as error:
            show_errors(form, error)
    return _done(request, repo, form, "The team is as you set it.")


@posted_from("access:gate", "namespace", "name")
def unseat(request: HttpRequest, namespace: str, name: str, user_id: int) -> HttpResponse:
    person = signed_in(request)
    repo = administered(person, namespace, name)
    form = SeatForm({"person": "", "role": TeamMember.Role.REVIEWER})
    form.errors.clear()
    name = User.objects.filter(pk=user_id).values_list("username", flat=True).first() or ""
    try:
        unseat_member(actor=person, repo_id=repo.pk, user_id=user_id, now=timezone.now())
    except FieldErrors as error:
        show_errors(form, error)
    said = f"{name or 'They'} can decide nothing here any more. To undo it, seat them again below."
    return _done(request, repo, form, said, left=name)


def _done(
    request: HttpRequest, repo: ModelRepo, form: forms.Form, said: str, *, left: str = ""
) -> HttpResponse:
    """Redirect to the gate; ``left`` names who may be seated again by one click."""
    if isinstance(form, SeatForm) and form.errors:
        return _page(request, repo, GateForm(initial=_initial(repo)), form)
    messages.success(request, said)
    if not ModelRepo.objects.administered_by(signed_in(request)).filter(pk=repo.pk).exists():
        return redirect("access:queue")
    gate_url = reverse("access:gate", args=[repo.namespace.name, repo.name])
    return redirect(f"{gate_url}?{urlencode({'seat': left})}" if left else gate_url)
