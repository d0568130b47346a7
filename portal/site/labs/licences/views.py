"""Pages of a lab's licences: the list, and the editor of a version with its preview."""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.gate.effects import effects_of_publishing
from portal.access.requests.form.forms import SignatureForm
from portal.access.requests.views.common import blank, licence_context
from portal.accounts.models import Namespace, User
from portal.accounts.views import signed_in
from portal.catalog.errors import LicenceTaken
from portal.catalog.licensing.drafting import (
    LicenceDraft,
    draft_version,
    require_may_publish_licence,
)
from portal.catalog.models import Licence, LicenceVersion
from portal.catalog.services.licences import publish_licence_version
from portal.errors import FieldErrors
from portal.forms.fields import show_errors
from portal.site.labs.licences.forms import ROWS, Attestations, NewLicenceForm, VersionForm
from portal.site.labs.lookup import lab_of_page, lab_to_publish_in, publishes_in
from portal.site.licence_changes import differences, text_before

PAGE_SIZE = 50
PAGE = ["GET", "HEAD", "POST"]
CHANGED = (
    "This isn’t what the preview showed: something was changed since. Nothing is published. Look "
    "at the new preview, then publish."
)
NOT_PREVIEWED = "Nothing is published yet. Look at the preview, then publish."


@login_required
@require_safe
def licences(request: HttpRequest, namespace: str) -> HttpResponse:
    """List the licences that belong to the lab, and those that its models stand under."""
    lab, person = lab_of_page(request, namespace), signed_in(request)
    page = Paginator(_licences_of(lab), PAGE_SIZE).get_page(request.GET.get("page"))
    own = set(Licence.objects.publishable_by(person).values_list("pk", flat=True))
    versions: dict[int, list[LicenceVersion]] = {}
    for version in LicenceVersion.objects.filter(licence__in=list(page)).defer("text"):
        versions.setdefault(version.licence_id, []).append(version)
    context = {
        "lab": lab,
        "page": page,
        "rows": [(row, versions.get(row.pk, []), row.pk in own) for row in page],
        "publishes": publishes_in(person, lab),
        "now": timezone.now(),
    }
    return render(request, "site/labs/licences.html", context)


def _licences_of(lab: Namespace) -> QuerySet[Licence]:
    used = Q(repos__namespace=lab, repos__deleted_at=None)
    return (
        Licence.objects.published()
        .filter(Q(namespace=lab) | used)
        .select_related("namespace")
        .order_by("name", "slug")
    )


@login_required
@require_http_methods(PAGE)
def new_licence(request: HttpRequest, namespace: str) -> HttpResponse:
    """Write the first version of a licence of the lab."""
    lab = lab_to_publish_in(request, namespace)
    form = NewLicenceForm(request.POST) if request.method == "POST" else NewLicenceForm()
    return _edit(request, lab, form, {"namespace": lab.name}, None)


@login_required
@require_http_methods(PAGE)
def new_version(request: HttpRequest, namespace: str, slug: str) -> HttpResponse:
    """Write the next version of a licence, beginning with the text of the newest."""
    lab, person = lab_of_page(request, namespace), signed_in(request)
    licence = _licences_of(lab).filter(slug=slug).first()
    if licence is None:
        raise Http404
    require_may_publish_licence(person, licence)
    newest = licence.versions.first()
    if request.method == "POST":
        form = VersionForm(request.POST)
    else:
        form = VersionForm(initial=VersionForm.initial_of(newest) if newest else None)
    return _edit(request, lab, form, {"slug": slug}, newest)


def _edit(
    request: HttpRequest,
    lab: Namespace,
    form: VersionForm,
    fixed: dict[str, str],
    newest: LicenceVersion | None,
) -> HttpResponse:
    """Show the editor; preview what was posted, or publish it."""
    now, act = timezone.now(), request.POST.get("act", "")
    data = request.POST if request.method == "POST" else None
    rows = Attestations(data, version=newest, more=ROWS if act == "more" else 0)
    context = {"lab": lab, "form": form, "rows": rows, "newest": newest}
    if data is None:
        return render(request, "site/labs/licence_edit.html", context)
    if act == "more":
        form.errors.clear()  # asking for more lines checks nothing yet
        return render(request, "site/labs/licence_edit.html", context)
    fields = _posted(form, rows, fixed, now)
    drafted = _drafted(signed_in(request), form, fields, now) if fields else None
    if fields is None or drafted is None:
        return render(request, "site/labs/licence_edit.html", context, status=422)
    digest, previewed = _digest_of(fields), request.POST.get("previewed", "")
    if act == "publish" and previewed == digest:
        return _publish(request, lab, fields, now)
    context |= _preview(drafted, now) | {"digest": digest}
    if act == "publish":
        context["unseen"] = CHANGED if previewed else NOT_PREVIEWED
    return render(
        request, "site/labs/licence_edit.html", context, status=422 if act == "publish" else 200
    )


def _digest_of(fields: dict[str, Any]) -> str:
    """Return a digest of all fields: what is published must be what its preview showed."""
    return sha256(json.dumps(fields, sort_keys=True, default=str).encode()).hexdigest()


def _posted(
    form: VersionForm, rows: Attestations, fixed: dict[str, str], now: datetime
) -> dict[str, Any] | None:
    """Return the fields of a draft, or None where the form says what is wrong."""
    if not (form.is_valid() & rows.is_valid()):
        return None
    fields = {**form.draft_fields(now), **fixed}
    fields["terms"] |= rows.terms()
    return fields


def _drafted(
    person: User, form: VersionForm, fields: dict[str, Any], now: datetime
) -> LicenceVersion | None:
    """Return the version as it would be published, or None where the form says what is wrong."""
    if "name" in fields and Licence.objects.filter(slug=fields["slug"]).exists():
        form.add_error("slug", "A licence has this short name already. Choose another one.")
        return None
    try:
        return draft_version(actor=person, draft=LicenceDraft(**fields), now=now)
    except FieldErrors as error:
        show_errors(form, error)
    except LicenceTaken as error:
        form.add_error("version", error.message)
    return None


def _publish(
    request: HttpRequest, lab: Namespace, fields: dict[str, Any], now: datetime
) -> HttpResponse:
    version = publish_licence_version(actor=signed_in(request), now=now, **fields)
    sentences = [effect.text for effect in effects_of_publishing(version, now)]
    messages.success(request, " ".join([f"{version} is published.", *sentences]))
    return redirect("site:lab_licences", lab.name)


def _preview(version: LicenceVersion, now: datetime) -> dict[str, Any]:
    """Return what signers will see, what differs from the text in force, and whom it meets."""
    before = text_before(version, now)
    return {
        "drafted": version,
        "signing": blank(SignatureForm, version),
        "effects": effects_of_publishing(version, now),
        "before": before,
        **licence_context(version),
        **(differences(before, version) if before else {}),
    }
