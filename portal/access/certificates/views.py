"""Pages of one's own signatures, their certificates, and the key that verifies them."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.access.certificates.certificate import (
    make_certificate,
    own_signatures,
    read_certificate,
)
from portal.access.certificates.signing_key import certificate_pem
from portal.accounts.views import signed_in

PAGE_SIZE = 20


@login_required
@require_safe
def signatures(request: HttpRequest) -> HttpResponse:
    """List the reader's own signatures."""
    page = Paginator(own_signatures(signed_in(request)), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    return render(request, "access/signatures.html", {"page": page})


@login_required
@require_safe
def certificate(request: HttpRequest, acceptance_id: int) -> HttpResponse:
    """Send the certificate of one signature as PDF."""
    certificate = read_certificate(signed_in(request), acceptance_id)
    name = f"signature-{acceptance_id}.pdf"
    response = HttpResponse(make_certificate(certificate), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


@require_safe
def signing_certificate(request: HttpRequest) -> HttpResponse:
    """Publish the signing certificate, so that anybody can verify a certificate of a signature."""
    return HttpResponse(certificate_pem(), content_type="application/x-pem-file")
