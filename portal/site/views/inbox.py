"""A person's letters; in the demo also every mail, since no mail leaves it."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from portal.accounts.views import signed_in
from portal.outbox.models import OutboxMessage
from portal.outbox.services import mark_read
from portal.site.letters import letters_of, paragraphs

PAGE_SIZE = 30


@login_required
@never_cache
def inbox(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    letters = letters_of(signed_in(request), now)
    page = Paginator(letters, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "site/inbox.html", {"page": page, "now": now})


@login_required
@never_cache
def letter(request: HttpRequest, message_id: int) -> HttpResponse:
    """Opening it marks it as read."""
    person, now = signed_in(request), timezone.now()
    message = get_object_or_404(letters_of(person, now), pk=message_id)
    mark_read(recipient=person, message_id=message.pk, now=now)
    context = {"letter": message, "paragraphs": paragraphs(message.text), "now": now}
    return render(request, "site/letter.html", context)


@never_cache
def demo_mail(request: HttpRequest) -> HttpResponse:
    """Who has just signed up finds the confirmation link here, on the machine that shows it all."""
    if not settings.DEMO:
        raise Http404
    page = Paginator(OutboxMessage.objects.all(), PAGE_SIZE).get_page(request.GET.get("page"))
    mails = [{"mail": mail, "paragraphs": paragraphs(mail.text)} for mail in page]
    return render(request, "site/demo_mail.html", {"page": page, "mails": mails})
