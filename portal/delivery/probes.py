"""Hand a probe's bytes over to nginx, so that a check can see whether they arrive.

Its address is signed by this installation for a minute, and names one blob.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from portal.delivery.streaming.serving import hand_over
from portal.storage import BlobMissing, blob_store

SECONDS = 60
SALTS = {False: "portal.delivery.probes", True: "portal.delivery.probes.ranged"}
NAMES = {False: "blob", True: "ranged"}
BYTES = "application/octet-stream"
NO_DOWNLOAD = "0"  # nginx logs it as a transfer, which is then nobody's


def probe_url(sha256: str, *, ranged: bool = False) -> str:
    """Return the path by which nginx sends a blob for the next minute.

    ``ranged`` leads it to the location for ranges on a condition.
    """
    signed = TimestampSigner(salt=SALTS[ranged]).sign(sha256)
    return f"{reverse('delivery:probe')}?{urlencode({NAMES[ranged]: signed})}"


def inner_path(sha256: str, *, ranged: bool = False) -> str:
    """Return the path that nginx alone may follow. Raises BlobMissing."""
    path = blob_store().local_path(sha256)
    return hand_over(path, ranged=ranged)["X-Accel-Redirect"] if path else ""


@require_safe
def probe(request: HttpRequest) -> HttpResponse:
    """Serve the blob that a signature of ours names, by nginx; to all others there is nothing."""
    try:
        ranged = NAMES[True] in request.GET
        signer, signed = TimestampSigner(salt=SALTS[ranged]), request.GET.get(NAMES[ranged], "")
        inner = inner_path(signer.unsign(signed, max_age=SECONDS), ranged=ranged)
    except (BadSignature, BlobMissing):
        raise Http404 from None
    if not inner or not settings.X_ACCEL_PREFIX:
        raise Http404
    headers = {"X-Accel-Redirect": inner, "X-Weightgate-Download": NO_DOWNLOAD}
    return HttpResponse(headers=headers, content_type=BYTES)
