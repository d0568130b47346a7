"""Pages of the people of a lab, and of the operators of the site."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.letters.people import waiting_invitations, waiting_operator_invitations
from portal.access.people.invitations import invite_operator, invite_to_lab
from portal.access.people.listing import lab_person, people_of
from portal.access.people.operators import take_operator
from portal.access.people.roles import LabRole, consequences, take_role
from portal.accounts.models import Namespace, User
from portal.accounts.operating import SEE_OPERATORS, require_operator
from portal.accounts.views import signed_in
from portal.errors import DomainError
from portal.forms.pages import posted_from
from portal.forms.submitting import accepts, form_page, posted_data
from portal.site.labs.forms import OperatorForm, RoleForm
from portal.site.labs.lookup import lab_of_page

PAGE_SIZE = 25


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest, namespace: str) -> HttpResponse:
    """Show the people of a lab with their roles; the form gives a role, or invites by mail."""
    person, lab = signed_in(request), lab_of_page(request, namespace)
    form = RoleForm(posted_data(request), initial={"role": LabRole.REVIEWER})

    def invite() -> None:
        invited = invite_to_lab(
            actor=person, namespace_id=lab.pk, now=timezone.now(), **form.cleaned_data
        )
        messages.success(request, invited.words)

    if accepts(form, invite):
        return redirect("site:lab", lab.name)
    if lab.name != namespace and request.method != "POST":
        return redirect("site:lab", lab.name)
    return form_page(request, "site/labs/people.html", _context(request, person, lab, form))


def _context(
    request: HttpRequest, person: User, lab: Namespace, form: RoleForm
) -> dict[str, object]:
    page = Paginator(people_of(lab), PAGE_SIZE).get_page(request.GET.get("page"))
    return {
        "lab": lab,
        "form": form,
        "page": page,
        "people": [lab_person(user) for user in page],
        "invitations": waiting_invitations(lab, timezone.now()),
        "may_change": Namespace.objects.publishable_by(person).filter(pk=lab.pk).exists(),
    }


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def role(request: HttpRequest, namespace: str, username: str, role: str) -> HttpResponse:
    """Show what taking a role would change, and take it once that is confirmed."""
    person, lab = signed_in(request), lab_of_page(request, namespace)
    user = people_of(lab).filter(username=username).first()
    if user is None or role not in lab_person(user).roles:
        messages.info(request, "They don’t have this role any more.")
        return redirect("site:lab", lab.name)
    refusal, label = "", LabRole(role).label.lower()
    if request.method == "POST":
        try:
            take_role(
                actor=person,
                namespace_id=lab.pk,
                username=username,
                role=role,
                now=timezone.now(),
            )
        except DomainError as error:
            refusal = error.message
        else:
            messages.success(request, f"{user.display_name} is {label} here no more.")
            still_here = lab.name if person.is_superuser or user != person else None
            return redirect("site:lab", still_here) if still_here else redirect("site:labs")
    context = {
        "lab": lab,
        "other": user,
        "role": label,
        "effects": consequences(user, lab, LabRole(role)),
        "refusal": refusal,
    }
    return render(request, "site/labs/role.html", context, status=422 if refusal else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def operators(request: HttpRequest) -> HttpResponse:
    """Show and change who operates the site, and invite others by mail; to operators alone."""
    person = _operator(request)
    form = OperatorForm(posted_data(request))

    def add() -> None:
        invited = invite_operator(actor=person, now=timezone.now(), **form.cleaned_data)
        messages.success(request, invited.words)

    if accepts(form, add):
        return redirect("site:operators")
    return form_page(request, "site/labs/operators.html", _operators(request, form))


@posted_from("site:operators")
def operator_take(request: HttpRequest, username: str) -> HttpResponse:
    """Take an operator's role, unless they are the last one."""
    person = _operator(request)
    try:
        take_operator(actor=person, username=username, now=timezone.now())
    except DomainError as error:
        context = _operators(request, OperatorForm()) | {"refusal": error.message}
        return render(request, "site/labs/operators.html", context, status=422)
    messages.success(request, f"{username} operates this site no more.")
    return redirect("site:operators" if person.username != username else "site:labs")


def _operator(request: HttpRequest) -> User:
    person = signed_in(request)
    require_operator(person, SEE_OPERATORS)
    return person


def _operators(request: HttpRequest, form: OperatorForm) -> dict[str, object]:
    active = User.objects.operators().order_by("username")
    page = Paginator(active, PAGE_SIZE).get_page(request.GET.get("page"))
    waiting = waiting_operator_invitations(timezone.now())
    return {"form": form, "page": page, "invitations": waiting}
