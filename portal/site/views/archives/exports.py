"""A lab's exports: a page that says what each holds, and the files."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from portal.access.policy.administering import repo_run_by
from portal.access.policy.permissions import Action
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.catalog.models import ModelRepo
from portal.forms.pages import posted_from
from portal.site.archives.exports import EXPORTS, FORMS, stream
from portal.site.services.exports import start_export


def _administered(person: User, namespace: str, name: str) -> ModelRepo:
    return repo_run_by(person, f"{namespace}/{name}", Action.ADMINISTER)


@login_required
@never_cache
def exports(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    repo = _administered(signed_in(request), namespace, name)
    context = {"repo": repo, "exports": list(EXPORTS.values()), "forms": list(FORMS)}
    return render(request, "site/exports.html", context)


@posted_from("site:exports", "namespace", "name")
@never_cache
def export(
    request: HttpRequest, namespace: str, name: str, rows: str, form: str
) -> StreamingHttpResponse:
    if rows not in EXPORTS or form not in FORMS:
        raise Http404
    person, now = signed_in(request), timezone.now()
    repo = _administered(person, namespace, name)
    start_export(actor=person, repo=repo, export=EXPORTS[rows], form=form, now=now)
    filename = f"{repo.namespace.name}-{repo.name}-{rows}-{now:%Y%m%d}.{form}"
    return StreamingHttpResponse(
        stream(request, EXPORTS[rows], repo, form, person),
        content_type=FORMS[form],
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )
