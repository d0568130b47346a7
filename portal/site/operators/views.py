"""The operators' pages: their home, the gate's load, and the delivery of mail."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.accounts.models import User
from portal.accounts.operating import SEE_HOME, require_operator
from portal.accounts.views import signed_in
from portal.forms.pages import posted_from
from portal.outbox.models import OutboxMessage
from portal.outbox.services import can_be_resent, resend_mail
from portal.site.operators.gate_load import ages_of_open, bars, models_by_load, weeks_until
from portal.site.operators.needs import MAIL_SPAN, needs_now

PAGE_SIZE = 25
State = OutboxMessage.State
MAIL_STATES = {
    State.FAILED: "Could not be sent",
    State.BOUNCED: "Came back",
    State.QUEUED: "Waiting",
    State.SENT: "Sent",
}


def _operator(request: HttpRequest) -> User:
    person = signed_in(request)
    require_operator(person, SEE_HOME)
    return person


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what needs an operator now, and lead to each page that only operators have."""
    _operator(request)
    now = timezone.now()
    return render(request, "site/operators/home.html", {"needs": needs_now(now), "now": now})


@login_required
@require_safe
def gate(request: HttpRequest) -> HttpResponse:
    """Show the ages of what is open, the load by week, and the models that have most of it."""
    _operator(request)
    now = timezone.now()
    weeks = weeks_until(now)
    page = Paginator(models_by_load(now), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "ages": ages_of_open(now),
        "weeks": list(zip(weeks, bars([("", week.submitted) for week in weeks]), strict=True)),
        "page": page,
        "now": now,
    }
    return render(request, "site/operators/gate.html", context)


@login_required
@require_safe
def mail(request: HttpRequest) -> HttpResponse:
    """List the letters of the last thirty days by what came of them, never what they say."""
    _operator(request)
    now = timezone.now()
    chosen = request.GET.get("state", "")
    state = State(chosen) if chosen in MAIL_STATES else State.FAILED
    recent = OutboxMessage.objects.filter(due_at__gt=now - MAIL_SPAN).order_by()
    counts = dict(recent.values_list("state").annotate(Count("pk")))
    letters = recent.filter(state=state).defer("text", "html", "subject").order_by("-due_at", "-pk")
    page = Paginator(letters, PAGE_SIZE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "tabs": [(slug, label, counts.get(slug, 0)) for slug, label in MAIL_STATES.items()],
        "state": state,
        "page": page,
        "rows": [(letter, _may_resend(letter)) for letter in page],
        "now": now,
    }
    return render(request, "site/operators/mail.html", context)


def _may_resend(letter: OutboxMessage) -> bool:
    is_lost = letter.state in (State.FAILED, State.BOUNCED)
    return is_lost and letter.recipient_id is not None and can_be_resent(letter)


@posted_from("site:operators_mail")
def mail_again(request: HttpRequest, message_id: int) -> HttpResponse:
    """Send a letter that was lost once more, to where its recipient's letters go now."""
    person = _operator(request)
    lost = OutboxMessage.objects.filter(state__in=[State.FAILED, State.BOUNCED])
    letter = resend_mail(actor=person, message_id=message_id, among=lost, now=timezone.now())
    messages.success(request, f"The letter is being sent again to {letter.address}.")
    return redirect("site:operators_mail")
