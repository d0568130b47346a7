"""A person's letters; in the demo also every mail, since no mail leaves it."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from portal.access.grants.status_badges import delivery_state
from portal.access.people.accepting import invitations_for
from portal.accounts.mailboxes import (
    address_in,
    ask_bounced_address,
    confirm_bounced_address,
    mailboxes,
)
from portal.accounts.views import signed_in
from portal.forms.pages import posted_from
from portal.outbox.models import OutboxMessage
from portal.outbox.services import can_be_resent, mark_read, resend_mail
from portal.site.letters import case_of, letters_of, paragraphs, resendable_by

PAGE_SIZE = 30


@login_required
@never_cache
def inbox(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    letters = letters_of(signed_in(request), now)
    page = Paginator(letters, PAGE_SIZE).get_page(request.GET.get("page"))
    bounced = [mailbox for mailbox in mailboxes(signed_in(request)) if mailbox.bounced]
    context = {
        "page": page,
        "bounced": bounced,
        "own_invitations": invitations_for(signed_in(request), now),
        "now": now,
    }
    return render(request, "site/inbox.html", context)


@login_required
@never_cache
def letter(request: HttpRequest, message_id: int) -> HttpResponse:
    """Show a letter and mark it as read, unless the browser only looks ahead."""
    person, now = signed_in(request), timezone.now()
    message = get_object_or_404(letters_of(person, now), pk=message_id)
    if request.method == "GET" and "prefetch" not in request.headers.get("Sec-Purpose", ""):
        mark_read(recipient=person, message_id=message.pk, now=now)
    context = {
        "letter": message,
        "paragraphs": paragraphs(message),
        "can_be_resent": can_be_resent(message),
        "now": now,
    }
    return render(request, "site/letter.html", context)


def _page_of(request: HttpRequest, message_id: int) -> str:
    """Find the page where a letter can be sent again: its own, or its case's for the team."""
    person = signed_in(request)
    case = case_of(OutboxMessage.objects.filter(pk=message_id).first(), person)
    return (
        reverse("access:case", args=[case.pk])
        if case
        else reverse("site:letter", args=[message_id])
    )


@posted_from(_page_of)
def again(request: HttpRequest, message_id: int) -> HttpResponse:
    """Send a letter again: the user's own, or one to an applicant whose request they review."""
    person, now = signed_in(request), timezone.now()
    letters = resendable_by(person, message_id, now)
    message = resend_mail(actor=person, message_id=message_id, among=letters, now=now)
    messages.success(
        request, _("The letter is being sent again to %(address)s.") % {"address": message.address}
    )
    case = case_of(message, person)
    return redirect("access:case", case.pk) if case else redirect("site:inbox")


@posted_from("site:inbox")
def ask_address(request: HttpRequest) -> HttpResponse:
    """Send a link to an address whose letters came back."""
    address = request.POST.get("address", "")
    if ask_bounced_address(person=signed_in(request), address=address, now=timezone.now()):
        messages.success(
            request,
            _("We sent a letter to %(address)s. Open its link to confirm.") % {"address": address},
        )
    return redirect("site:inbox")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def address_again(request: HttpRequest, signed: str) -> HttpResponse:
    """Confirm an address by its link. Mail programs open links by themselves, so a button asks."""
    person = signed_in(request)
    if request.method != "POST":
        address = address_in(signed, person=person)
        return render(request, "site/address_again.html", {"address": address})
    address = confirm_bounced_address(person=person, signed=signed, now=timezone.now())
    messages.success(request, _("Letters are sent to %(address)s again.") % {"address": address})
    return redirect("site:inbox")


@never_cache
def demo_mail(request: HttpRequest) -> HttpResponse:
    """Show every mail of a demo, which sends none: one finds the confirmation link here."""
    if not settings.DEMO:
        raise Http404
    page = Paginator(OutboxMessage.objects.all(), PAGE_SIZE).get_page(request.GET.get("page"))
    now = timezone.now()
    mails = [
        {"mail": mail, "state": delivery_state(mail, now), "paragraphs": paragraphs(mail)}
        for mail in page
    ]
    return render(request, "site/demo_mail.html", {"page": page, "mails": mails, "now": now})
