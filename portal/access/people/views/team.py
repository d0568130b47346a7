"""Seat people on a model's team from the page of its gate, or invite them by mail."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from portal.access.gate.forms import SeatForm
from portal.access.gate.views.gate import administered, seats_changed
from portal.access.people.invitations import Invited, invite_to_team
from portal.accounts.views import signed_in
from portal.forms.pages import posted_from
from portal.forms.submitting import accepts


@posted_from("access:gate", "namespace", "name")
def seat(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Put a person on the team, change their role, or invite an address without an account."""
    person = signed_in(request)
    repo = administered(person, namespace, name)
    form, outcome = SeatForm(request.POST), Invited()

    def put() -> None:
        nonlocal outcome
        now = timezone.now()
        outcome = invite_to_team(actor=person, repo_id=repo.pk, now=now, **form.cleaned_data)

    accepts(form, put)
    return seats_changed(request, repo, form, outcome.words)
