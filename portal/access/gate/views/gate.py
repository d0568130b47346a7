"""Pages of a gate's settings and of its team."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.gate.forms import GateForm, SeatForm
from portal.access.gate.settings import gate_values, save_gate, seat_member, unseat_member
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
from portal.forms.submitting import accepts


def administered(person: User, namespace: str, name: str) -> ModelRepo:
    """Return a repo to somebody who administers it; raise RepoNotFound to anybody else."""
    repos = ModelRepo.objects.administered_by(person).with_names()
    repo: ModelRepo | None = repos.named(f"{namespace}/{name}").first()
    if repo is None:
        raise RepoNotFound("There’s no such model, or none that you administer.")
    return repo


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def gate(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Show and change the settings of a gate."""
    person = signed_in(request)
    repo = administered(person, namespace, name)
    if request.method != "POST":
        seat = SeatForm(initial={"person": request.GET.get("seat", "")})
        return _page(request, repo, _saved_values(repo), seat)
    form = GateForm(request.POST)

    def save() -> None:
        save_gate(actor=person, repo_id=repo.pk, values=form.cleaned_data, now=timezone.now())

    if accepts(form, save):
        messages.success(request, "The gate’s settings are saved.")
        return redirect("access:gate", repo.namespace.name, repo.name)
    return _page(request, repo, form, SeatForm())


def _saved_values(repo: ModelRepo) -> GateForm:
    return GateForm(initial=gate_values(settings_of(repo), repo))


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
    """Put a person on the team, or change their role."""
    person = signed_in(request)
    repo = administered(person, namespace, name)
    form = SeatForm(request.POST)

    def put() -> None:
        seat_member(actor=person, repo_id=repo.pk, now=timezone.now(), **form.cleaned_data)

    accepts(form, put)
    return _done(request, repo, form, "The team is saved.")


@posted_from("access:gate", "namespace", "name")
def unseat(request: HttpRequest, namespace: str, name: str, user_id: int) -> HttpResponse:
    """Take a person off the team."""
    person = signed_in(request)
    repo = administered(person, namespace, name)
    form = SeatForm({"person": "", "role": TeamMember.Role.REVIEWER})
    form.errors.clear()
    name = User.objects.filter(pk=user_id).values_list("username", flat=True).first() or ""
    try:
        unseat_member(actor=person, repo_id=repo.pk, user_id=user_id, now=timezone.now())
    except FieldErrors as error:
        show_errors(form, error)
    text = f"{name or 'They'} can decide nothing here any more. To undo it, seat them again below."
    return _done(request, repo, form, text, left=name)


def _done(
    request: HttpRequest, repo: ModelRepo, form: SeatForm, text: str, *, left: str = ""
) -> HttpResponse:
    """Redirect to the gate; ``left`` names a person who can be seated again by one click."""
    if form.errors:
        return _page(request, repo, _saved_values(repo), form)
    messages.success(request, text)
    if not ModelRepo.objects.administered_by(signed_in(request)).filter(pk=repo.pk).exists():
        return redirect("access:queue")
    gate_url = reverse("access:gate", args=[repo.namespace.name, repo.name])
    return redirect(f"{gate_url}?{urlencode({'seat': left})}" if left else gate_url)
