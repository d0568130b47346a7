"""Check the mail server, and send a letter where somebody asks for one."""

from __future__ import annotations

import uuid
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from portal.database.refusals import reason_of
from portal.doctor.findings import DoctorFinding, Findings, fault, ok, warning
from portal.outbox.naming import message_id

TIMEOUT_SECONDS = 8
SERVER = "WEIGHTGATE_SMTP_HOST, _PORT, _TLS, _USER and _PASSWORD"
RECORDS = (
    "the DNS of {domain} needs an SPF record that names the mail server, the server signs by DKIM, "
    "and _dmarc.{domain} says what becomes of letters that pass neither."
)


def server() -> Findings:
    """Check that the server takes a connection, and that the sender has a domain."""
    if settings.MAIL == "files":
        if settings.DEMO:
            return [ok("A demo keeps all mail in files.")]
        return [
            warning(
                f"Mail is kept in {settings.EMAIL_FILE_PATH}: it reaches nobody.",
                "Set WEIGHTGATE_MAIL to smtp, and WEIGHTGATE_SMTP_HOST to your mail server.",
            )
        ]
    try:
        with _connection():
            pass
    except OSError as error:  # smtplib's are too
        return [_refused(error)]
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    return [*_sender(), ok(f"{where} takes letters. See one arrive: doctor --mail-to ADDRESS.")]


def letter_to(address: str) -> Findings:
    """Send a letter now, past the outbox."""
    key = f"doctor-{uuid.uuid4().hex}"
    letter = EmailMessage(
        subject=f"A letter from {settings.SITE_NAME}, to see whether letters arrive",
        body=(
            f"{settings.BASE_URL} sent this on {timezone.now():%Y-%m-%d %H:%M} UTC, by `doctor`. "
            "You need do nothing.\n"
        ),
        to=[address],
        headers={"Message-ID": message_id(key)},
        connection=_connection(),
    )
    try:
        letter.send()
    except (OSError, ValueError) as error:
        return [_refused(error)]
    domain = message_id(key).rpartition("@")[2].rstrip(">")
    sent = f"A letter to {address} was taken; its Message-ID ends in @{domain}. "
    return [
        ok(
            f"{sent}In its headers, as it arrives, Authentication-Results should say pass for spf, "
            f"dkim and dmarc. If not: {RECORDS.format(domain=domain)}"
        )
    ]


def _connection() -> BaseEmailBackend:
    if settings.MAIL == "files":
        return get_connection()
    return get_connection(timeout=TIMEOUT_SECONDS)


def _sender() -> Findings:
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    if "." in address.rpartition("@")[2]:
        return []
    return [
        warning(
            f"Letters come from {address}, which many servers refuse.",
            "Set WEIGHTGATE_MAIL_FROM to an address at a domain of yours.",
        )
    ]


def _refused(error: Exception) -> DoctorFinding:
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    return fault(f"{where} doesn’t take letters: {reason_of(error)}", f"Check {SERVER}.")
