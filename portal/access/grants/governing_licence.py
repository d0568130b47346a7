"""Find the licence text that governs a use, the one signed last, and those of a repo's grants."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db.models import Q, QuerySet

from portal.access.models import Acceptance, Grant
from portal.accounts.models import User
from portal.catalog.models import LicenceVersion, Mode, ModelRepo
from portal.catalog.services.licences import version_in_force
from portal.database.compiled_query import CompiledQuery

STAND_INS: dict[str, int | datetime] = {
    "person": -101,
    "repo": -102,
    "at": datetime.min.replace(tzinfo=UTC),
}


def versions_of_grants(repo: ModelRepo) -> QuerySet[LicenceVersion]:
    """Select the versions that a repo's grants may stand under.

    They are those of its licence; and where it leads a collection, those of the other licences
    under which its grants were signed.
    """
    signed = Acceptance.objects.filter(grants__repo=repo).order_by()
    licences = signed.values("licence_version__licence")
    return LicenceVersion.objects.filter(Q(licence=repo.licence) | Q(licence__in=licences))


def governing_version(
    person: User, repo: ModelRepo, mode: Mode, at: datetime
) -> LicenceVersion | None:
    """Return the licence version that bound a person's use of a repo at a moment.

    That is the version that they had signed for a grant that was active then, even if it has ended
    since; else the one in force. Return None where the repo has no licence.
    """
    if repo.licence_id is None:
        return None
    signed = _signed(mode).rows(person=person.pk, repo=repo.pk, at=at)
    if not signed:
        return version_in_force(repo, at)
    versions = LicenceVersion.objects.select_related("licence").defer("text")
    return versions.get(pk=signed[0][0])


@cache
def _signed(mode: Mode) -> CompiledQuery:
    """Return the query for the version that was signed last; each answer of a model asks it."""

    def build(**ids: Any) -> QuerySet[Acceptance, Any]:
        person, repo, at = User(pk=ids["person"]), ModelRepo(pk=ids["repo"]), ids["at"]
        then = Grant.objects.usable_by(person).opening_then(repo, mode, at).active_then(at)
        signed = Acceptance.objects.filter(person=person, accepted_at__lte=at).filter(
            Q(grants__in=then.values("pk")) | Q(memberships__grant__in=then.values("pk"))
        )
        return signed.order_by("-accepted_at", "-pk").values_list("licence_version_id")[:1]

    return CompiledQuery(build, STAND_INS)
