"""The pages of a request's form, step by step, up to its submission."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.errors import EmailNotVerified, LicenceChanged, NotSigned
from portal.access.models import AccessRequest
from portal.access.requests.drafts import save_draft
from portal.access.requests.form.answers import readable_answers
from portal.access.requests.form.forms import PageForm, SignatureForm
from portal.access.requests.form.questions import newest_form
from portal.access.requests.form.wizard import (
    STEP_BY_SLUG,
    WizardStep,
    is_signed,
    missing_answers,
    next_step,
    previous_step,
    progress,
    signature_as_stored,
    step_form,
    step_number,
    stored_signature,
)
from portal.access.requests.submission import submit_request
from portal.access.requests.views.common import (
    licence_context,
    own_request,
    posted_signature,
    say,
)
from portal.access.review import status as request_status
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.catalog.services.licences import require_version_in_force
from portal.client_ip import client_ip
from portal.errors import FieldErrors
from portal.formatting import whole_date
from portal.forms.pages import posted_from

STILL_MISSING = "Some answers are still missing"


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
    saved = _save(access_request, typed.raw_answers())
    return render(request, "access/_kept.html", {"access_request": saved})


def _save(access_request: AccessRequest, answers: dict[str, Any]) -> AccessRequest:
    return save_draft(
        applicant=access_request.applicant,
        request_id=access_request.pk,
        answers=answers,
        now=timezone.now(),
    )


def _render(
    request: HttpRequest, access_request: AccessRequest, here: WizardStep, **context: Any
) -> HttpResponse:
    shared = {
        "access_request": access_request,
        "repo": access_request.repo,
        "step": here,
        "number": step_number(here),
        "progress": progress(access_request, here, timezone.now()),
        "back": previous_step(here),
    }
    status = 422 if context["form"].errors else 200
    return render(
        request, f"access/form_{context.pop('page')}.html", shared | context, status=status
    )


def _answers(request: HttpRequest, access_request: AccessRequest, here: WizardStep) -> HttpResponse:
    request_form = newest_form(access_request.repo)
    if request.method != "POST":
        shown = step_form(here, access_request, request_form=request_form)
        return _render(request, access_request, here, form=shown, page="answers")
    posted = step_form(here, access_request, request.POST, request_form=request_form)
    saved = _save(access_request, posted.draft_answers())
    if "leave" in request.POST:
        messages.success(request, "Your draft is saved. Come back whenever you like.")
        return redirect("access:requests")
    if posted.leads_to_more(request.POST.getlist("asked")):
        messages.info(request, "Your answers lead to another question on this page.")
        return redirect("access:form", saved.pk, here.slug)
    if posted.is_valid():
        return redirect("access:form", saved.pk, _next(request, here))
    return _render(request, saved, here, form=posted, page="answers")


def _next(request: HttpRequest, here: WizardStep) -> str:
    return "check" if request.GET.get("then") == "check" else next_step(here).slug


def _licence(request: HttpRequest, access_request: AccessRequest, here: WizardStep) -> HttpResponse:
    now, applicant = timezone.now(), access_request.applicant
    version = require_version_in_force(access_request.repo, now=now)
    if request.method != "POST":
        shown = SignatureForm(
            version=version, initial=_signed_before(access_request, version.sha256)
        )
    else:
        shown, signature = posted_signature(request, applicant, [version])
        if signature:
            _save(access_request, {"signature": signature_as_stored(signature, now=now)})
            return redirect("access:form", access_request.pk, next_step(here).slug)
    licence = licence_context(version)
    return _render(request, access_request, here, form=shown, page="licence", **licence)


def _signed_before(access_request: AccessRequest, sha256: str) -> dict[str, Any]:
    """Return the draft's signature as initial values; of another text only who signed.

    Confirmations of a text that has changed since have to be ticked again.
    """
    stored = access_request.draft.get("signature") or {}
    names = ("typed_name", "capacity", "entity")
    initial = {name: stored[name] for name in names if name in stored}
    if stored.get("text_sha256") == sha256:
        initial |= {f"attest_{code}": True for code in stored["attestations"]}
    return {"capacity": "person", **initial}


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
    signature = stored_signature(access_request.draft, ip=client_ip(request))
    sent = submit_request(
        applicant=access_request.applicant,
        request_id=access_request.pk,
        signature=signature,
        now=timezone.now(),
    )
    due = whole_date(sent.due_at) if sent.due_at else "its due date"
    messages.success(
        request, f"Your request is {request_status.title(sent)}. You’ll hear by {due}."
    )
    return redirect("access:request", sent.pk)


def _to_check(access_request: AccessRequest) -> dict[str, Any]:
    now, draft = timezone.now(), access_request.draft
    signed, request_form = is_signed(access_request, now), newest_form(access_request.repo)
    return {
        "you": readable_answers(draft, "you", "organization", form=request_form),
        "research": readable_answers(draft, "research", form=request_form),
        "access": readable_answers(draft, "access", form=request_form),
        "addresses": _addresses(access_request.applicant),
        "signed": draft["signature"] if signed else None,
        "version": require_version_in_force(access_request.repo, now=now),
        "due_at": now + timedelta(days=access_request.repo.decision_days),
        "verified": access_request.applicant.has_verified_email,
    }


def _addresses(applicant: User) -> list[EmailAddress]:
    return list(EmailAddress.objects.filter(user=applicant).order_by("-primary", "email"))
