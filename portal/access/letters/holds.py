"""Letters to people whom a hold stops: what is held, why, and that it can be lifted."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.access.letters.mailer import Address, send
from portal.access.models import Hold
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.formatting import whole_date


def send_placed(hold: Hold, person: User, *, repo: ModelRepo | None, now: datetime) -> None:
    """Tell a person that a hold stops their access.

    ``repo`` is the model of the person's grant, which a hold on bytes may reach without naming.
    """
    send(
        _reached_by(hold, person, repo),
        kind="suspension",
        key=f"placed-{person.pk}",
        facts=lambda: {
            "what": _what_for(hold, repo),
            "placed_on": whole_date(now),
            "for_whom": _for_whom(hold),
            "reason": hold.reason,
        },
        now=now,
    )


def send_lifted(hold: Hold, person: User, *, repo: ModelRepo | None, now: datetime) -> None:
    send(
        _reached_by(hold, person, repo),
        kind="suspension_lifted",
        key=f"lifted-{person.pk}",
        facts=lambda: {"what": _what_for(hold, repo), "lifted_on": whole_date(now)},
        now=now,
    )


def _for_whom(hold: Hold) -> str:
    everybody = gettext(" for everybody at %(organization)s")
    return everybody % {"organization": hold.organization} if hold.organization else ""


def _what_for(hold: Hold, repo: ModelRepo | None) -> str:
    """Say what the hold stops for a person with access to ``repo``, naming no other model."""
    if repo is None or repo == hold.repo:
        return what_of(hold)
    return gettext("files of %(model)s") % {"model": repo.full_name}


def what_of(hold: Hold) -> str:
    """Name what a hold stops, as it stands in a sentence."""
    if hold.revision is not None:
        names = {"commit": hold.revision.commit[:10], "model": hold.revision.repo.full_name}
        return gettext("revision %(commit)s of %(model)s") % names
    if hold.repo is not None:
        return hold.repo.full_name
    return gettext("every model at %(site)s") % {"site": settings.SITE_NAME}


def _reached_by(hold: Hold, person: User, repo: ModelRepo | None) -> Address:
    return Address(
        recipient=person,
        repo=repo,
        reference=reference_of(hold),
        keys=f"hold-{hold.pk}-",
        about=reference_of(hold),
        label=_("See your access"),
        page=reverse("site:access"),
    )


def reference_of(hold: Hold) -> str:
    return f"H{hold.pk:04d}"
