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

from portal.access.gate.chair import choose_chair
from portal.access.gate.forms import ChairForm, GateForm, SeatForm
from portal.access.gate.settings import gate_values, save_gate, unseat_member
from portal.access.gate.team_capacity import team_of, warnings
from portal.access.letters.people import waiting_invitations
from portal.access.policy.administering import repo_run_by
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.permissions import Action
from portal.access.requests.form.questions import lab_questions, newest_form
from portal.accounts.mailboxes import unreachable_among
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.catalog.models import ModelRepo, NamespaceSeat, TeamMember
from portal.errors import FieldErrors
from portal.forms.fields import show_errors
from portal.forms.pages import posted_from
from portal.forms.submitting import accepts


def administered(person: User, namespace: str, name: str) -> ModelRepo:
    """Return a repo to somebody who administers it. Raise RepoNotFound, or Forbidden."""
    return repo_run_by(person, f"{namespace}/{name}", Action.ADMINISTER)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def gate(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Show and change the settings of a gate."""
    person = signed_in(request)
    repo = administered(person, namespace, name)
    if request.method != "POST":
        seat = SeatForm(initial={"person": request.GET.get("seat", "")})
        return gate_page(request, repo, _saved_values(repo), seat)
    form = GateForm(request.POST)

    def save() -> None:
        save_gate(actor=person, repo_id=repo.pk, values=form.cleaned_data, now=timezone.now())

    if accepts(form, save):
        messages.success(request, "The gate’s settings are saved.")
        return redirect("access:gate", repo.namespace.name, repo.name)
    return gate_page(request, repo, form, SeatForm())


@posted_from("access:gate", "namespace", "name")
def chair(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Name the chair of the gate, or none."""
    person = signed_in(request)
    repo = administered(person, namespace, name)
    form = ChairForm(request.POST, repo=repo)

    def choose() -> None:
        chosen = form.cleaned_data["chair"]
        choose_chair(actor=person, repo_id=repo.pk, person=chosen, now=timezone.now())

    if accepts(form, choose):
        messages.success(request, "The chair is saved.")
        return redirect("access:gate", repo.namespace.name, repo.name)
    return gate_page(request, repo, _saved_values(repo), SeatForm(), chair=form)


def _saved_values(repo: ModelRepo) -> GateForm:
    return GateForm(initial=gate_values(settings_of(repo), repo))


def gate_page(
    request: HttpRequest,
    repo: ModelRepo,
    form: GateForm,
    seat: SeatForm,
    *,
    chair: ChairForm | None = None,
) -> HttpResponse:
    """Render the page with its forms, as unprocessable (422) where one has errors."""
    settings = settings_of(repo)
    saved = settings.chair.username if settings.chair else ""
    chair = chair or ChairForm(repo=repo, initial={"chair": saved})
    seats, wide_seats = _seats(repo)
    context = {
        "repo": repo,
        "form": form,
        "seat_form": seat,
        "chair_form": chair,
        "team": seats,
        "unreachable": unreachable_among(
            [*(seat.user for seat in seats), *(seat.user for seat in wide_seats)]
        ),
        "invitations": waiting_invitations(repo, timezone.now()),
        "wide_seats": wide_seats,
        "roles": TeamMember.Role.choices,
        "warnings": warnings(settings.quorum, team_of(repo)),
        "questions": len(lab_questions(newest_form(repo))),
    }
    failed = form.errors or seat.errors or chair.errors
    return render(request, "access/gate.html", context, status=422 if failed else 200)


def _seats(repo: ModelRepo) -> tuple[list[TeamMember], list[NamespaceSeat]]:
    """Return the seats on a repo, and those in its whole namespace, by username."""
    seats = TeamMember.objects.filter(repo=repo).select_related("user")
    wide_seats = NamespaceSeat.objects.filter(namespace=repo.namespace_id).select_related("user")
    return list(seats.order_by("user__username")), list(wide_seats.order_by("user__username"))


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
    return seats_changed(request, repo, form, text, left=name)


def seats_changed(
    request: HttpRequest, repo: ModelRepo, form: SeatForm, text: str, *, left: str = ""
) -> HttpResponse:
    """Redirect to the gate; ``left`` names a person who can be seated again by one click."""
    if form.errors:
        return gate_page(request, repo, _saved_values(repo), form)
    messages.success(request, text)
    if not ModelRepo.objects.administered_by(signed_in(request)).filter(pk=repo.pk).exists():
        return redirect("access:queue")
    gate_url = reverse("access:gate", args=[repo.namespace.name, repo.name])
    return redirect(f"{gate_url}?{urlencode({'seat': left})}" if left else gate_url)
