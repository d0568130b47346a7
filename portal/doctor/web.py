"""Check the site from outside, by the address that people use."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from django.conf import settings

from portal.database.refusals import reason_of
from portal.delivery.probes import inner_path, probe_url
from portal.doctor import probe_blobs
from portal.doctor.findings import DoctorFinding, Findings, fault, ok, skipped, warning
from portal.doctor.probe_blobs import ProbeBlob
from portal.doctor.requests import ProbeAnswer, Unreachable, fetch

ENDS_SOON = timedelta(days=14)
LARGEST_DIFFERENCE = timedelta(seconds=30)
A_RANGE = {"Range": "bytes=0-99", "If-Range": '"what holds"'}
CERTIFICATE_TIME = "%b %d %H:%M:%S %Y %Z"


def address() -> Findings:
    """Check that the address leads here, by which certificate, and at what time."""
    try:
        answer = fetch(f"{settings.BASE_URL}/healthz")
    except Unreachable as error:
        return [_unreachable(error)]
    if answer.status != HTTPStatus.OK or b'"ok"' not in answer.body:
        return [
            fault(
                f"{settings.BASE_URL}/healthz answers {answer.status}, and not as Weightgate does.",
                _remedy_of(answer.status),
            )
        ]
    return [*_certificate(answer), *_time(answer)] or [ok(f"{settings.BASE_URL} leads here.")]


def streams() -> Findings:
    """Check that the process of /v1 answers; without a token it refuses, and says so."""
    try:
        answer = fetch(f"{settings.BASE_URL}/v1/models")
    except Unreachable:
        return [skipped("Not checked, since the address can’t be reached.")]
    if answer.status in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED):
        return [ok("/v1 answers.")]
    return [
        fault(
            f"/v1 answers {answer.status}.",
            "Start `weightgate web streams`, and see that nginx reaches its socket.",
        )
    ]


def bytes_by_nginx() -> Findings:
    """Check that nginx sends what is handed over, and that nobody gets there from outside."""
    if not settings.X_ACCEL_PREFIX:
        return [skipped("The portal sends files itself: WEIGHTGATE_X_ACCEL_PREFIX is empty.")]
    try:
        with probe_blobs.stored() as probe:
            findings = [*_handed_over(probe), *_from_outside(probe)]
    except Unreachable:
        return [skipped("Not checked, since the address can’t be reached.")]
    except OSError as error:
        return [skipped(f"Not checked, since the blob store takes nothing: {reason_of(error)}")]
    return findings or [ok("nginx sends what the portal hands over, and nothing else.")]


def _handed_over(probe: ProbeBlob) -> Iterator[DoctorFinding]:
    """Ask for a whole blob, and for a range on a condition, which has a location of its own."""
    whole = fetch(f"{settings.BASE_URL}{probe_url(probe.sha256)}")
    if whole.status != HTTPStatus.OK or whole.body != probe.content:
        yield fault(
            f"nginx didn’t send a blob’s bytes; it answered {whole.status}.",
            "Let nginx’s account read WEIGHTGATE_BLOB_DIR and each folder above it, and use "
            "deploy/nginx.conf.template for /_protected/.",
        )
    part = fetch(f"{settings.BASE_URL}{probe_url(probe.sha256, ranged=True)}", headers=A_RANGE)
    if part.status != HTTPStatus.PARTIAL_CONTENT or part.body != probe.content[:100]:
        yield fault(
            f"nginx didn’t go on with a download that broke off; it answered {part.status}.",
            "Use deploy/nginx.conf.template for /_protected/ranged/ and for its server of bytes.",
        )


def _from_outside(probe: ProbeBlob) -> Iterator[DoctorFinding]:
    for ranged in (False, True):
        answer = fetch(f"{settings.BASE_URL}{inner_path(probe.sha256, ranged=ranged)}")
        if answer.body == probe.content:
            yield fault(
                f"Anybody can fetch any blob by {settings.X_ACCEL_PREFIX}.",
                "Mark that location of nginx as internal, at once.",
            )


def _unreachable(error: Unreachable) -> DoctorFinding:
    return fault(
        f"{settings.BASE_URL} can’t be reached from here: {reason_of(error)}",
        "Start nginx and `weightgate web`. See DNS, certificate and firewall, and "
        "WEIGHTGATE_BASE_URL.",
    )


def _remedy_of(status: int) -> str:
    if status == HTTPStatus.BAD_REQUEST:
        return "Let nginx hand the Host header on, and see WEIGHTGATE_ALLOWED_HOSTS."
    if status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT):
        return "Start `weightgate web pages`, and see that nginx reaches its socket."
    return "See which server answers at WEIGHTGATE_BASE_URL."


def _certificate(answer: ProbeAnswer) -> Findings:
    if not answer.certificate_ends:
        return []
    ends = datetime.strptime(answer.certificate_ends, CERTIFICATE_TIME).replace(tzinfo=UTC)
    if ends > datetime.now(UTC) + ENDS_SOON:
        return []
    return [warning(f"Its certificate ends on {ends:%Y-%m-%d}.", "See that certbot renews it.")]


def _time(answer: ProbeAnswer) -> Findings:
    said = answer.headers.get("date", "")
    difference = abs(parsedate_to_datetime(said) - datetime.now(UTC)) if said else timedelta()
    if difference < LARGEST_DIFFERENCE:
        return []
    seconds = difference.total_seconds()
    return [fault(f"Its clock and this host’s differ by {seconds:.0f} s.", "Let both follow NTP.")]
