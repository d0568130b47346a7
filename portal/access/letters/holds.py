"""Letters to people whom a hold stops: what is held, why, and that it can be lifted."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from portal.access.letters.mailer import Address, send
from portal.access.models import Hold
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.formatting import whole_date


def send_placed(hold: Hold, person: User, *, repo: ModelRepo | None, now: datetime) -> None:
    """Tell a person that a hold stops their access.

    ``repo`` is the model of the person's grant, which a hold on bytes may reach without naming.
    """
    facts = {
        "what": _what_for(hold, repo),
        "placed_on": whole_date(now),
        "for_whom": f" for everybody at {hold.organization}" if hold.organization else "",
        "reason": hold.reason,
    }
    key = f"placed-{person.pk}"
    send(_reached_by(hold, person, repo), kind="suspension", key=key, facts=facts, now=now)


def send_lifted(hold: Hold, person: User, *, repo: ModelRepo | None, now: datetime) -> None:
    facts = {"what": _what_for(hold, repo), "lifted_on": whole_date(now)}
    key = f"lifted-{person.pk}"
    send(_reached_by(hold, person, repo), kind="suspension_lifted", key=key, facts=facts, now=now)


def _what_for(hold: Hold, repo: ModelRepo | None) -> str:
    """Say what the hold stops for a person with access to ``repo``, naming no other model."""
    if repo is None or repo == hold.repo:
        return what_of(hold)
    return f"files of {repo.full_name}"


def what_of(hold: Hold) -> str:
    """Name what a hold stops, as it stands in a sentence."""
    if hold.revision is not None:
        return f"revision {hold.revision.commit[:10]} of {hold.revision.repo.full_name}"
    return hold.repo.full_name if hold.repo else f"every model at {settings.SITE_NAME}"


def _reached_by(hold: Hold, person: User, repo: ModelRepo | None) -> Address:
    return Address(
        recipient=person,
        repo=repo,
        reference=reference_of(hold),
        keys=f"hold-{hold.pk}-",
        about=reference_of(hold),
        label="See your access",
        page=reverse("site:access"),
    )


def reference_of(hold: Hold) -> str:
    return f"H{hold.pk:04d}"
