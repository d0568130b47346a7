"""Steps that several pages share: one's own request, a licence text and its signature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from portal.access.errors import EmailNotVerified, LicenceChanged, RequestNotFound
from portal.access.models import AccessRequest
from portal.access.requests.form.forms import SignatureForm
from portal.access.requests.licence_text import blocks, in_short
from portal.access.requests.signing import Signature, check_signature
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.catalog.models import LicenceVersion
from portal.client_ip import client_ip
from portal.errors import FieldErrors
from portal.forms.fields import show_errors
from portal.text.languages import Words

T = TypeVar("T")
CHECK_FIRST = _("Signed. A person makes an extra check first; we write to you once it is done.")
TYPED = ("typed_name", "capacity", "entity", "report", "publications")
CHANGED = _("This text is newer than the one that you read. Read it, and sign again.")


def own_request(applicant: User, request_id: int) -> AccessRequest:
    """Return an applicant's own request. Raise RequestNotFound to anybody else."""
    own = AccessRequest.objects.of(applicant).select_related(
        "repo__namespace", "collection__namespace", "collection__lead", "applicant"
    )
    access_request: AccessRequest | None = own.filter(pk=request_id).first()
    if access_request is None:
        raise RequestNotFound
    return access_request


def licence_context(version: LicenceVersion) -> dict[str, Any]:
    """Return what the template of a licence takes: its summary, then the whole text."""
    return {"version": version, "columns": in_short(version), "blocks": blocks(version.text)}


def blank(form_class: type[SignatureForm], version: LicenceVersion) -> SignatureForm:
    return form_class(version=version, initial={"capacity": "person"})


def posted_signature(
    request: HttpRequest,
    signer: User,
    versions: Sequence[LicenceVersion],
    form_class: type[SignatureForm] = SignatureForm,
    *,
    prefix: str | None = None,
) -> tuple[SignatureForm, Signature | None]:
    """Read the posted signature under one of these texts.

    Return None beside a form that says what is missing. Where a newer text has come into force
    meanwhile, that form shows it: what was typed stays, and the statements are to be ticked anew.
    ``prefix``: of the fields' names, where a page has several signatures.
    """
    shown = request.POST.get(f"{prefix}-text_sha256" if prefix else "text_sha256", "")
    version = next((text for text in versions if text.sha256 == shown), versions[0])
    form = form_class(request.POST, version=version, prefix=prefix)
    form.is_valid()
    signature = form.signature(client_ip(request))
    try:
        check_signature(signer, version, signature)
    except FieldErrors as error:
        show_errors(form, error)
    except LicenceChanged:
        typed = {name: form[name].data for name in TYPED if name in form.fields}
        form = form_class(version=version, initial=typed, prefix=prefix)
        say(form, CHANGED)
    return form, None if form.errors else signature


def sign(
    request: HttpRequest,
    versions: Sequence[LicenceVersion],
    page: Callable[[SignatureForm], HttpResponse],
    service: Callable[[SignatureForm, Signature], T],
    form_class: type[SignatureForm] = SignatureForm,
) -> T | HttpResponse:
    """Call a service with the signature that was posted, and return what it made.

    Return the page instead where it is only shown, or where something is missing.
    """
    if request.method != "POST":
        return page(blank(form_class, versions[0]))
    form, signature = posted_signature(request, signed_in(request), versions, form_class)
    if signature is None:
        return page(form)
    signed = proved_or_said(form, partial(service, form, signature))
    return page(form) if signed is None else signed


def proved_or_said(form: forms.BaseForm, act: Callable[[], T]) -> T | None:
    """Call the service. Add an error to the form and return None if no address is proved."""
    try:
        return act()
    except EmailNotVerified as error:
        say(form, error.message)
        return None


def say(form: forms.BaseForm, text: Words) -> None:
    """Add an error to a form as a whole, even if the form was never posted."""
    if not form.is_bound:
        form.cleaned_data = {}
    form.add_error(None, text)
