"""A text put before a person to sign, on the pages of grants."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest

from portal.access.errors import LicenceChanged
from portal.access.requests.form.forms import SignatureForm
from portal.access.requests.signing import Signature, check_signature
from portal.access.requests.views.common import CHANGED, say
from portal.accounts.models import User
from portal.catalog.models import LicenceVersion
from portal.client_ip import client_ip
from portal.errors import FieldErrors
from portal.forms.fields import show_errors

TYPED = ("typed_name", "capacity", "entity", "report", "publications")


def blank(form_class: type[SignatureForm], version: LicenceVersion) -> SignatureForm:
    return form_class(version=version, initial={"capacity": "person"})


def posted(
    request: HttpRequest,
    person: User,
    versions: Sequence[LicenceVersion],
    form_class: type[SignatureForm] = SignatureForm,
) -> tuple[SignatureForm, Signature | None]:
    """The signature under one of these texts; None beside a form that says what it lacks."""
    shown = request.POST.get("text_sha256", "")
    version = next((each for each in versions if each.sha256 == shown), versions[0])
    form = form_class(request.POST, version=version)
    form.is_valid()
    signature = form.signature(client_ip(request))
    try:
        check_signature(person, version, signature)
    except FieldErrors as error:
        show_errors(form, error)
    except LicenceChanged:
        typed = {name: form[name].data for name in TYPED if name in form.fields}
        form = form_class(version=version, initial=typed)
        say(form, CHANGED)
    return form, None if form.errors else signature
