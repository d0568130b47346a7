"""Refusals as pages, or as fragments of a page for HTMX."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from portal.access.errors import Refused
from portal.access.policy.permissions import Reason
from portal.errors import DomainError
from portal.surfaces.headers import with_retry_after

LEADS: dict[Reason | HTTPStatus, str] = {
    HTTPStatus.NOT_FOUND: "Look among the models, or sign in if you expected to see it here.",
    Reason.NO_REQUEST: "Its page says what is asked, who decides and how long it takes.",
    Reason.PENDING: "There is nothing you need to do. The page of your request has its history.",
    Reason.QUESTION: "The clock is paused until you answer.",
    Reason.DECLINED: "You may correct what stood in the way and ask again at any time.",
    Reason.INVITED: "Each member signs in person; it opens at once.",
    Reason.CHECKED: "Your signature is kept. We write to you once the check is done.",
    Reason.EXPIRED: "Nothing else has changed: ask again, and a person reads it as before.",
    Reason.REVOKED: "What the licence asks of you after its end still holds.",
    Reason.SIGN: "Nobody needs to review you: sign once, and it opens at once.",
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


def _acts(error: DomainError) -> dict[str, str]:
    """Return the button of a refusal page, and its link.

    Somebody who isn't signed in is offered to sign in first, and comes back to the files.
    """
    label = error.refusal.act_label if isinstance(error, Refused) else error.act_label
    act = {"act_label": label, "act_url": error.help_url or "/"}
    if not isinstance(error, Refused) or error.refusal.reason != Reason.NO_TOKEN:
        return act
    back = urlencode({"next": f"/{error.refusal.repo_name}#files"})
    sign_in = {"act_label": "Sign in", "act_url": f"{reverse('account_login')}?{back}"}
    return sign_in | {"other_label": label, "other_url": error.help_url}
