"""Which text governs a use: the one that the person signed, until they sign another."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from portal.access.models import Acceptance, Grant
from portal.accounts.models import User
from portal.catalog.models import LicenceVersion, Mode, ModelRepo
from portal.catalog.services.licences import version_in_force


def governing_version(
    person: User, repo: ModelRepo, mode: Mode, at: datetime
) -> LicenceVersion | None:
    """The one in force where nothing had to be signed; None where there is no licence.

    A grant that ended since still says what governed then.
    """
    if repo.licence_id is None:
        return None
    then = Grant.objects.usable_by(person, repo).in_mode(mode).active_then(at)
    signed = (
        Acceptance.objects.filter(person=person, accepted_at__lte=at)
        .filter(Q(grants__in=then.values("pk")) | Q(memberships__grant__in=then.values("pk")))
        .select_related("licence_version__licence")
        .order_by("-accepted_at", "-pk")
        .first()
    )
    return signed.licence_version if signed else version_in_force(repo, at)
