"""The pages of a request's form, step by step, up to its submission."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from portal.access.applicant.signature_boxes import complete_signatures, signature_boxes
from portal.access.applicant.submission import submit_request
from portal.access.applicant.unproved_claim import unproved_claim_of
from portal.access.errors import EmailNotVerified, LicenceChanged, NotSigned
from portal.access.models import AccessRequest
from portal.access.requests.drafts import save_draft, save_page
from portal.access.requests.form.answers import readable_answers
from portal.access.requests.form.builder import PageForm, StepForm
from portal.access.requests.form.page_changes import digests_in, digests_of, seen_after
from portal.access.requests.form.questions import newest_form
from portal.access.requests.form.wizard import (
    STEP_BY_SLUG,
    WizardStep,
    missing_answers,
    next_step,
    previous_step,
    progress,
    signature_as_stored,
    signature_in_draft,
    step_form,
    step_number,
    stored_signatures,
)
from portal.access.requests.signing import Signature
from portal.access.requests.texts_to_sign import texts_to_sign
from portal.access.requests.views.common import own_request, say
from portal.access.review import status as request_status
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.client_ip import client_ip
from portal.errors import FieldErrors
from portal.formatting import whole_date
from portal.forms.pages import posted_from
from portal.text.bidi import isolated

STILL_MISSING = _("Some answers are still missing")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def form(request: HttpRequest, request_id: int, step: str) -> HttpResponse:
    """Show a step. Whatever is posted is saved in the draft, right or wrong."""
    access_request = own_request(signed_in(request), request_id)
    if step not in STEP_BY_SLUG:
        raise Http404
    if not request_status.is_draft(access_request):
        return redirect("access:request", request_id)
    here = STEP_BY_SLUG[step]
    pages = {"licence": _licence, "check": _check}
    return pages.get(step, _answers)(request, access_request, here)


@posted_from("access:request", "request_id")
def autosave(request: HttpRequest, request_id: int) -> HttpResponse:
    """Save what is typed so far, and return the line beside the form that says so."""
    access_request = own_request(signed_in(request), request_id)
    # Nothing is validated here: an autosave stores half a word as readily as a whole answer.
    here = STEP_BY_SLUG.get(request.POST.get("step", ""))
    if here is None or here.form is None:
        raise Http404
    request_form = newest_form(access_request.repo)
    typed = step_form(here, access_request, request.POST, request_form=request_form)
    answers = typed.raw_answers()
    saved, clashes = _save_page(request, access_request, answers, replaces=False)
    context = {
        "access_request": saved,
        "seen": _seen_after(request, saved, answers),
        "clashing": [typed[name].label for name in clashes],
    }
    return render(request, "access/_autosaved.html", context)


def _save_page(
    request: HttpRequest, access_request: AccessRequest, answers: dict[str, Any], *, replaces: bool
) -> tuple[AccessRequest, dict[str, Any]]:
    """Save what this page has changed, and return what another tab has changed since."""
    return save_page(
        applicant=access_request.applicant,
        request_id=access_request.pk,
        answers=answers,
        seen=digests_in(request.POST.get("seen", "")),
        replaces=replaces,
        now=timezone.now(),
    )


def _seen_after(
    request: HttpRequest, access_request: AccessRequest, answers: dict[str, Any]
) -> str:
    """Return the digests for a page that stays open after it was saved."""
    seen = digests_in(request.POST.get("seen", ""))
    return json.dumps(seen_after(answers, seen=seen, draft=access_request.draft))


def _tell_of(request: HttpRequest, form: StepForm, clashes: dict[str, Any]) -> None:
    """Say which answers replace those of another tab, and what those were, so that none is lost."""
    for name, other in clashes.items():
        text = ", ".join(map(str, other)) if isinstance(other, list) else str(other or "")
        names = {"label": form[name].label, "other": isolated(text)}
        words = gettext(
            "“%(label)s” was changed in another tab as well. This tab’s answer is saved. "
            "The other one was: %(other)s"
        )
        messages.warning(request, words % names)


def _save(access_request: AccessRequest, answers: dict[str, Any]) -> AccessRequest:
    return save_draft(
        applicant=access_request.applicant,
        request_id=access_request.pk,
        answers=answers,
        now=timezone.now(),
    )


def _render(
    request: HttpRequest,
    access_request: AccessRequest,
    here: WizardStep,
    *,
    form: Any,
    page: str,
    **context: Any,
) -> HttpResponse:
    shared = {
        "access_request": access_request,
        "repo": access_request.repo,
        "step": here,
        "number": step_number(here),
        "progress": progress(access_request, here, timezone.now()),
        "back": previous_step(here),
    }
    status = 422 if form.errors else 200
    context |= shared | {"form": form}
    return render(request, f"access/form_{page}.html", context, status=status)


def _answers(request: HttpRequest, access_request: AccessRequest, here: WizardStep) -> HttpResponse:
    request_form = newest_form(access_request.repo)
    if request.method != "POST":
        shown = step_form(here, access_request, request_form=request_form)
        seen = json.dumps(digests_of(access_request.draft, shown.fields))
        return _render(request, access_request, here, form=shown, page="answers", seen=seen)
    posted = step_form(here, access_request, request.POST, request_form=request_form)
    answers = posted.draft_answers()
    saved, clashes = _save_page(request, access_request, answers, replaces=True)
    _tell_of(request, posted, clashes)
    if "leave" in request.POST:
        messages.success(request, gettext("Your draft is saved. Come back whenever you like."))
        return redirect("site:access")
    if posted.leads_to_more(request.POST.getlist("asked")):
        messages.info(request, gettext("Your answers lead to another question on this page."))
        return redirect("access:form", saved.pk, here.slug)
    if posted.is_valid():
        return redirect("access:form", saved.pk, _next(request, here))
    seen = _seen_after(request, saved, answers)
    return _render(request, saved, here, form=posted, page="answers", seen=seen)


def _next(request: HttpRequest, here: WizardStep) -> str:
    return "check" if request.GET.get("then") == "check" else next_step(here).slug


def _licence(request: HttpRequest, access_request: AccessRequest, here: WizardStep) -> HttpResponse:
    now = timezone.now()
    texts = texts_to_sign(access_request, now)
    unsigned = [text for text in texts if text.standing is None]
    signed = {"signed": [text for text in texts if text.standing]}
    if not unsigned:
        if request.method == "POST":
            return redirect("access:form", access_request.pk, next_step(here).slug)
        return _render(request, access_request, here, form=PageForm(), page="signed", **signed)
    boxes = signature_boxes(request, access_request, unsigned, now)
    if signatures := complete_signatures(boxes):
        stored = [signature_as_stored(signature, now=now) for signature in signatures]
        _save(access_request, {"signature": stored})
        return redirect("access:form", access_request.pk, next_step(here).slug)
    wrong = next((box.form for box in boxes if box.form.errors), boxes[0].form)
    context = {**signed, "boxes": boxes, "forms": [box.form for box in boxes]}
    return _render(request, access_request, here, form=wrong, page="licence", **context)


def _check(request: HttpRequest, access_request: AccessRequest, here: WizardStep) -> HttpResponse:
    shown = PageForm(request.POST or None)
    lacking = missing_answers(access_request)
    if request.method == "POST" and not lacking:
        try:
            return _submit(request, access_request)
        except EmailNotVerified as error:
            say(shown, error.message)
        except (NotSigned, LicenceChanged) as error:
            messages.warning(request, error.message)
            return redirect("access:form", access_request.pk, "licence")
        except FieldErrors:  # the lab changed its questions since ``missing_answers`` looked
            lacking = missing_answers(access_request)
            say(shown, STILL_MISSING)
    elif request.method == "POST":
        say(shown, STILL_MISSING)
    context = _to_check(access_request) | {"missing": lacking if shown.errors else []}
    return _render(request, access_request, here, form=shown, page="check", **context)


def _submit(request: HttpRequest, access_request: AccessRequest) -> HttpResponse:
    now = timezone.now()
    sent = submit_request(
        applicant=access_request.applicant,
        request_id=access_request.pk,
        signatures=_needed_signatures(access_request, client_ip(request), now),
        now=now,
    )
    due = whole_date(sent.due_at) if sent.due_at else gettext("its due date")
    messages.success(
        request,
        gettext("Your request is %(request_status)s. You’ll hear by %(due)s.")
        % {"request_status": request_status.title(sent), "due": due},
    )
    return redirect("access:request", sent.pk)


def _needed_signatures(
    access_request: AccessRequest, ip: str | None, now: datetime
) -> list[Signature]:
    """Return the draft's signatures of the texts that aren't signed yet.

    Where one is missing return all, so that the submission says whether its text has changed.
    """
    signatures = stored_signatures(access_request.draft, ip=ip)
    texts = texts_to_sign(access_request, now)
    needed = {text.version.sha256 for text in texts if text.standing is None}
    fitting = [signature for signature in signatures if signature.text_sha256 in needed]
    return fitting if len(fitting) == len(needed) else signatures


def _to_check(access_request: AccessRequest) -> dict[str, Any]:
    now, draft = timezone.now(), access_request.draft
    request_form = newest_form(access_request.repo)
    return {
        "you": readable_answers(draft, "you", "organization", form=request_form),
        "research": readable_answers(draft, "research", form=request_form),
        "access": readable_answers(draft, "access", form=request_form),
        "addresses": _addresses(access_request.applicant),
        "texts": [
            (text, text.standing or signature_in_draft(access_request, text.version, ip=None))
            for text in texts_to_sign(access_request, now)
        ],
        "due_at": now + timedelta(days=access_request.repo.decision_days),
        "verified": access_request.applicant.has_verified_email,
        "unproved": unproved_claim_of(access_request, now),
    }


def _addresses(applicant: User) -> list[EmailAddress]:
    return list(EmailAddress.objects.filter(user=applicant).order_by("-primary", "email"))
