"""The page on which somebody chooses what the gates that they work write to them, and when."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.letters.team.choices import choices_of
from portal.access.notifications.choosing import choose_notifications, works_a_gate
from portal.access.notifications.forms import NotificationsForm
from portal.accounts.views import signed_in
from portal.forms.submitting import accepts, form_page, posted_data


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def notifications(request: HttpRequest) -> HttpResponse:
    """Show and change how often a person is told of each event."""
    person = signed_in(request)
    form = NotificationsForm(posted_data(request), initial=choices_of(person))

    def save() -> None:
        choose_notifications(person=person, choices=form.cleaned_data, now=timezone.now())

    if accepts(form, save):
        messages.success(request, "Saved. We write to you as you chose.")
        return redirect("access:notifications")
    context = {
        "form": form,
        "works_a_gate": works_a_gate(person),
        "digest_time": f"{settings.DIGEST_HOUR:02}:00",
        "time_zone": settings.TIME_ZONE,
    }
    return form_page(request, "access/notifications.html", context)
