"""Pages on signatures and storage: what is signed, with which key, and what the store lacks."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.accounts.tokens.authentication import session_caller
from portal.catalog.errors import KeyNotFound
from portal.catalog.manifests.key import manifest_key, public_pem
from portal.catalog.manifests.manifest import is_signed
from portal.catalog.models import ManifestKey, StorageFinding
from portal.catalog.quarantine.load_results import in_words, load_check_of
from portal.catalog.services.lookup import find_repo, find_revision
from portal.site.context import person
from portal.site.model_page.verification import command, look_at_signature
from portal.site.operators.storage_use import storage_by_model, storage_total
from portal.surfaces.reads_only import reads_only
from portal.text.languages import speak_english

PAGE_SIZE, MODELS_SHOWN = 100, 25
PEM = "application/x-pem-file"


@reads_only
def verify(request: HttpRequest, namespace: str, name: str, revision: str) -> HttpResponse:
    caller = session_caller(request)
    repo = find_repo(f"{namespace}/{name}", caller=caller)
    shown = find_revision(repo, revision, caller=caller)
    signature = look_at_signature(shown)
    page = Paginator(shown.all_files().select_related("blob"), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    context: dict[str, Any] = {
        "repo": repo,
        "revision": shown,
        "signature": signature,
        "load_check": in_words(load_check_of(shown)),
        "command": command(repo, shown, signature) if signature else "",
        "page": page,
        "rows": [(file, is_signed(file.path)) for file in page],
    }
    return render(request, "site/verify.html", context)


@require_safe
def current_key(request: HttpRequest) -> HttpResponse:
    """Serve the public key that verifies what is signed today."""
    return HttpResponse(public_pem(manifest_key().public_key()), content_type=PEM)


@require_safe
def known_key(request: HttpRequest, fingerprint: str) -> HttpResponse:
    """Serve a public key by its fingerprint: older signatures are verified with older keys."""
    key = ManifestKey.objects.filter(fingerprint=fingerprint).first()
    if key is None:
        raise KeyNotFound
    return HttpResponse(key.public_pem, content_type=PEM)


@require_safe
def storage(request: HttpRequest) -> HttpResponse:
    """Show operators where the store and its rows disagree."""
    if not getattr(person(request), "is_superuser", False):
        raise Http404
    speak_english(request)
    open_first = F("mended_at").desc(nulls_first=True)
    findings = StorageFinding.objects.order_by(open_first, "-found_at", "-pk")
    page = Paginator(findings, PAGE_SIZE).get_page(request.GET.get("page"))
    models = Paginator(storage_by_model(), MODELS_SHOWN).get_page(request.GET.get("models"))
    context = {"page": page, "total": storage_total(), "models": models}
    return render(request, "site/storage.html", context)
