"""Page of the licence gate: read the licence and sign it, and the model is open at once."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.access.grants.licence_gate import require_not_ended, sign_for_grant
from portal.access.models import Grant
from portal.access.requests.form.forms import SignatureForm
from portal.access.requests.signing import Signature
from portal.access.requests.views.common import (
    CHECK_FIRST,
    licence_context,
    sign,
)
from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.accounts.views import signed_in
from portal.catalog.models import Gate, Mode, ModelRepo
from portal.catalog.models.repos import modes_in_words
from portal.catalog.services.licences import require_version_in_force
from portal.catalog.services.lookup import find_repo
from portal.errors import Conflict
from portal.formatting import whole_date
from portal.forms.submitting import form_page


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_licence(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Show the licence of a model that a signature opens, and take the signature."""
    person, now = signed_in(request), timezone.now()
    repo = find_repo(f"{namespace}/{name}", caller=Caller(person))
    if not _opened_by_signing(repo):
        if repo.takes_requests:
            return redirect("access:start", repo.namespace.name, repo.name)
        raise Conflict(_("This model is open: nothing to sign. Its page says how to get it."))
    in_check = Grant.objects.to(person, repo).told(now).held_for_check(now)
    if waiting := in_check.filter(modes__contains=_opened_by_signing(repo)).first():
        return redirect("access:grant", waiting.pk)
    require_not_ended(person, repo, now)

    def open_by(form: SignatureForm, signature: Signature) -> Grant:
        return sign_for_grant(person=person, repo_id=repo.pk, signature=signature, now=now)

    page = partial(_page, request, repo, now)
    grant = sign(request, [require_version_in_force(repo, now=now)], page, open_by)
    if isinstance(grant, HttpResponse):
        return grant
    if grant.is_held:
        messages.info(request, CHECK_FIRST)
        return redirect("access:grant", grant.pk)
    until = whole_date(grant.ends_at)
    messages.success(
        request,
        _("Signed. %(full_name)s is open to you until %(until)s.")
        % {"full_name": repo.full_name, "until": until},
    )
    return redirect(f"/{repo.full_name}")


def _opened_by_signing(repo: ModelRepo) -> list[Mode]:
    return [mode for mode in Mode if repo.gate(mode) == Gate.LICENCE]


def _page(
    request: HttpRequest, repo: ModelRepo, now: datetime, form: SignatureForm
) -> HttpResponse:
    person = signed_in(request)
    context: dict[str, Any] = {
        "repo": repo,
        "form": form,
        "held": _held(person, repo, now),
        "modes": modes_in_words(_opened_by_signing(repo)),
        "verified": person.has_verified_email,
        "now": now,
        **licence_context(form.version),
    }
    return form_page(request, "access/sign.html", context)


def _held(person: User, repo: ModelRepo, now: datetime) -> Grant | None:
    modes = [str(mode) for mode in _opened_by_signing(repo)]
    grants = Grant.objects.to(person, repo).active_at(now).filter(modes__contains=modes)
    return grants.select_related("acceptance__licence_version__licence").first()
