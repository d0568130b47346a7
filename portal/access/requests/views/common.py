"""What several pages of access need: whose request it is, where a person calls from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django import forms
from django.http import HttpRequest

from portal.access.errors import EmailNotVerified, LicenceChanged, RequestNotFound
from portal.access.models import AccessRequest
from portal.access.requests.form.forms import SignatureForm
from portal.access.requests.licence_text import blocks, in_short
from portal.access.requests.signing import Signature, check_signature, licence_in_force
from portal.accounts.models import User
from portal.catalog.models import LicenceVersion, ModelRepo
from portal.client_ip import client_ip
from portal.errors import FieldErrors
from portal.forms.fields import show_errors

T = TypeVar("T")
CHECK_FIRST = "Signed. A person makes an extra check first; we write to you once it is done."
CHANGED = "This text is newer than the one you had before you. Read it, and sign again."


def own_request(applicant: User, request_id: int) -> AccessRequest:
    """The applicant's own request; for anyone else there is none."""
    mine = AccessRequest.objects.of(applicant).select_related("repo__namespace", "applicant")
    found: AccessRequest | None = mine.filter(pk=request_id).first()
    if found is None:
        raise RequestNotFound
    return found


def licence_context(version: LicenceVersion) -> dict[str, Any]:
    """The licence as it is put before a person: in short, then the whole text."""
    return {"version": version, "columns": in_short(version), "blocks": blocks(version.text)}


def signed_form(
    request: HttpRequest, signer: User, repo: ModelRepo, now: datetime
) -> tuple[SignatureForm, Signature | None]:
    """The signature that was posted; None beside a form that says what it lacks."""
    version = licence_in_force(repo, now=now)
    form = SignatureForm(request.POST, version=version)
    form.is_valid()
    signature = form.signature(client_ip(request))
    try:
        check_signature(signer, version, signature)
    except FieldErrors as error:
        show_errors(form, error)
    except LicenceChanged:
        form = SignatureForm(version=version, initial=_typed(form))
        say(form, CHANGED)
    return form, None if form.errors else signature


def _typed(form: SignatureForm) -> dict[str, Any]:
    """The name and capacity that were typed; a new text has to be ticked anew."""
    return {name: form[name].data for name in ("typed_name", "capacity", "entity")}


def proved_or_said(form: forms.BaseForm, act: Callable[[], T]) -> T | None:
    """Do what a signature is for; return None and add an error where no address is proved."""
    try:
        return act()
    except EmailNotVerified as error:
        say(form, error.message)
        return None


def say(form: forms.BaseForm, text: str) -> None:
    """Put an error on a form as a whole, one that was never posted included."""
    if not form.is_bound:
        form.cleaned_data = {}
    form.add_error(None, text)
