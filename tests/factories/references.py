"""References, asked and read as in life: the secret is in the letter alone."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from portal.accounts.models import Reference, User
from portal.accounts.services.references import ask_reference
from portal.outbox.models import OutboxMessage

ASKED: dict[str, Any] = {
    "name": "Head of Department",
    "email": "head@uni.edu",
    "relation": "Leads the group I work in",
    "organization_name": "Unlisted Institute",
}


def make_reference(person: User, *, now: datetime, **changed: Any) -> tuple[Reference, str]:
    """Make a question that waits for its answer; return it and its secret."""
    reference = ask_reference(person=person, now=now, **{**ASKED, **changed})
    return reference, secret_in_mail(reference)


def secret_in_mail(reference: Reference) -> str:
    """From the newest letter to this reference."""
    mails = OutboxMessage.objects.filter(key__startswith=f"reference-{reference.pk}-")
    mail = mails.filter(is_secret=True).latest("pk")
    secret = re.search(r"/references/(\S+)", mail.text)
    assert secret
    return secret[1]
