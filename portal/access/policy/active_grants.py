"""Ask which grants open a model, and whether anything may stop them, in one query.

Every download, every range of it and every job asks this.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, When

from portal.access.models import AccessSuspension, Coverage, Grant, Hold
from portal.access.policy.conditions import Conditions
from portal.access.policy.quotas import Quotas
from portal.accounts.models import User
from portal.catalog.models import Mode, ModelRepo, Revision
from portal.database.compiled_query import CompiledQuery

Values: TypeAlias = "dict[str, int | datetime]"
STAND_INS: Values = {"person": -101, "repo": -102, "now": datetime.min.replace(tzinfo=UTC)}
OF_REVISION: Values = {"revision": -103, "namespace": -104}


class Opening(NamedTuple):
    """A model as one active grant opens it: on which conditions, with which quotas."""

    conditions: Conditions
    quotas: Quotas


def active_grants(
    person: User, repo: ModelRepo, revision: Revision | None, mode: Mode, now: datetime
) -> tuple[dict[int, Opening], bool]:
    """Return each grant that opens this mode, and whether a stop may apply.

    Only where there is a hold near or a suspension, or no grant to tell by, are these to be read.
    """
    values: Values = {"person": person.pk, "repo": repo.pk, "now": now}
    if revision is not None:
        values |= {"revision": revision.pk, "namespace": repo.namespace_id}
    rows = _query(mode, of_revision=revision is not None).rows(**values)
    opening = {
        pk: Opening(Conditions.of(common if own is None else own), Quotas.of(quotas))
        for pk, common, own, quotas, _ in rows
    }
    return opening, not rows or rows[0][4]


@cache
def _query(mode: Mode, *, of_revision: bool) -> CompiledQuery:
    def build(**ids: Any) -> QuerySet[Grant, Any]:
        repo = ModelRepo(pk=ids["repo"], namespace_id=ids.get("namespace", 0))
        revision = Revision(pk=ids["revision"]) if of_revision else None
        return _grants(User(pk=ids["person"]), repo, revision, mode, ids["now"])

    return CompiledQuery(build, STAND_INS | OF_REVISION if of_revision else STAND_INS)


def _grants(
    person: User, repo: ModelRepo, revision: Revision | None, mode: Mode, now: datetime
) -> QuerySet[Grant, Any]:
    hold = Q(Exists(Hold.objects.near(person, repo, revision)))
    suspended = Q(Exists(AccessSuspension.objects.standing()))
    near = Case(When(hold | suspended, then=True), default=False)
    usable = Grant.objects.usable_by(person).opening(repo, mode).active_at(now)
    narrowed = Coverage.objects.standing_on(repo).filter(grant=OuterRef("pk"))
    annotated = usable.annotate(near=near, own=Subquery(narrowed.values("conditions")[:1]))
    return annotated.values_list("pk", "conditions", "own", "quotas", "near")
