"""Refusals as pages, or as fragments of a page for HTMX."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.access.errors import Refused
from portal.access.policy.permissions import Reason
from portal.errors import DomainError
from portal.surfaces.headers import with_retry_after
from portal.text.languages import Words

LEADS: dict[Reason | HTTPStatus, Words] = {
    HTTPStatus.NOT_FOUND: _("Look among the models, or sign in if you expected to see it here."),
    Reason.NO_REQUEST: _("Its page says what is asked, who decides and how long it takes."),
    Reason.PENDING: _("There is nothing you need to do. The page of your request has its history."),
    Reason.QUESTION: _("The clock is paused until you answer."),
    Reason.DECLINED: _("You may correct what stood in the way and ask again at any time."),
    Reason.INVITED: _("Each member signs in person; it opens at once."),
    Reason.CHECKED: _("Your signature is kept. We write to you once the check is done."),
    Reason.EXPIRED: _("Nothing else has changed: ask again, and a person reads it as before."),
    Reason.REVOKED: _("What the licence asks of you after its end still holds."),
    Reason.SIGN: _("Nobody needs to review you: sign once, and it opens at once."),
}


def page_answer(error: DomainError, request: HttpRequest) -> HttpResponse:
    """Answer with a page that says what was refused and offers one thing to do about it."""
    refusal = error.refusal if isinstance(error, Refused) else None
    status = error.status
    if refusal and refusal.reason == Reason.NOT_FOUND:
        status = HTTPStatus.NOT_FOUND
    context = {
        "status": int(status),
        "code": refusal.reason if refusal else error.code,
        "repo": refusal.repo_name if refusal and status != HTTPStatus.NOT_FOUND else "",
        "heading": refusal.heading if refusal else error.message,
        "text": LEADS.get(refusal.reason if refusal else status, ""),
        "reference": getattr(request, "http_request_id", ""),
        **_acts(error),
    }
    template = "_refusal.html" if getattr(request, "htmx", False) else "refusal.html"
    return with_retry_after(render(request, template, context, status=status), error)


def _acts(error: DomainError) -> dict[str, Words]:
    """Return the button of a refusal page, and its link.

    Somebody who isn't signed in is offered to sign in first, and comes back to the files.
    """
    label = error.refusal.act_label if isinstance(error, Refused) else error.act_label
    act: dict[str, Words] = {"act_label": label, "act_url": error.help_url or "/"}
    if not isinstance(error, Refused) or error.refusal.reason != Reason.NO_TOKEN:
        return act
    back = urlencode({"next": f"/{error.refusal.repo_name}#files"})
    sign_in = {"act_label": gettext("Sign in"), "act_url": f"{reverse('account_login')}?{back}"}
    return sign_in | {"other_label": label, "other_url": error.help_url}
