"""Say, before a change, what it does to the people who have access to a model or wait for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, QuerySet

from portal.access.models import AccessRequest, Grant
from portal.catalog.models import Collection, Licence, LicenceVersion, ModelRepo
from portal.formatting import counted


@dataclass(frozen=True)
class Effect:
    """One consequence of a change: how many of what it meets, and what becomes of them."""

    subject: str
    count: int
    text: str


@dataclass(frozen=True)
class Standing:
    """The numbers of those who have access to some models, were offered it, or ask for it."""

    grants: int
    offers: int
    waiting: int
    drafts: int


def standing_on(repos: QuerySet[ModelRepo], now: datetime) -> Standing:
    """Count the access to these models that a change may meet, alone or through a collection."""
    grants = Grant.objects.covering_any(repos)
    requests = AccessRequest.objects.asking_for_any(repos.order_by().values("pk"))
    waiting = requests.undecided().count()
    return Standing(
        grants=grants.active_at(now).count(),
        offers=grants.offered_at(now).count(),
        waiting=waiting,
        drafts=requests.open().count() - waiting,
    )


def waiting_by_repo(repos: Iterable[ModelRepo]) -> dict[int, int]:
    """Return the number of requests that wait by repo id, for many repos in two queries.

    One through a collection counts at its lead, in whose queue it stands, and at each model that it
    asks for.
    """
    keys, undecided = [repo.pk for repo in repos], AccessRequest.objects.undecided()
    queued = undecided.filter(repo__in=keys).values_list("repo")
    # The rows of the other table, so that a model is compared with its own request's lead.
    chosen = AccessRequest.chosen.through.objects.filter(
        modelrepo__in=keys, accessrequest__in=undecided.order_by().values("pk")
    ).exclude(accessrequest__repo=F("modelrepo"))
    waiting: Counter[int] = Counter(dict(queued.annotate(Count("pk")).order_by()))
    waiting.update(dict(chosen.values_list("modelrepo").annotate(Count("pk")).order_by()))
    return dict(waiting)


def effects_of_deleting(repo: ModelRepo, now: datetime) -> list[Effect]:
    """List what deleting a model does to access; leave out what there is none of."""
    standing = standing_on(ModelRepo.objects.filter(pk=repo.pk), now)
    grants = counted(standing.grants, "grant")
    waiting = counted(standing.waiting, "request")
    return _present(
        Effect("grants", standing.grants, f"{grants}: access ends at once; the records stay."),
        Effect(
            "offers",
            standing.offers,
            f"{counted(standing.offers, 'offer')}: signing one opens nothing any more.",
        ),
        Effect(
            "waiting_requests",
            standing.waiting,
            f"{waiting} waiting: the team still sees and answers them, and can open nothing any "
            "more. Answer them first.",
        ),
        Effect(
            "drafts",
            standing.drafts,
            f"{counted(standing.drafts, 'draft')}: submitting one opens nothing any more.",
        ),
    )


def effects_of_moving(repo: ModelRepo, now: datetime) -> list[Effect]:
    """List what another name means for access; leave out what there is none of."""
    standing = standing_on(ModelRepo.objects.filter(pk=repo.pk), now)
    open_requests = standing.waiting + standing.drafts
    return _present(
        Effect(
            "grants",
            standing.grants + standing.offers,
            f"{counted(standing.grants + standing.offers, 'grant or offer', 'grants and offers')}"
            ": stay, under the new name.",
        ),
        Effect(
            "waiting_requests",
            open_requests,
            f"{counted(open_requests, 'request or draft', 'requests and drafts')}: stay, under "
            "the new name.",
        ),
    )


def effects_of_deleting_collection(collection: Collection, now: datetime) -> list[Effect]:
    """List what goes on after a collection is deleted; leave out what there is none of."""
    grants = Grant.objects.filter(collection=collection).standing_at(now).count()
    requests = AccessRequest.objects.filter(collection=collection)
    waiting = requests.undecided().count()
    drafts = requests.open().count() - waiting
    return _present(
        Effect(
            "grants",
            grants,
            f"{counted(grants, 'grant or offer', 'grants and offers')} through it: nobody’s access "
            "ends. No model that joins later opens to them.",
        ),
        Effect(
            "waiting_requests",
            waiting,
            f"{counted(waiting, 'request')} waiting: decided as they stand, by the same team.",
        ),
        Effect(
            "drafts",
            drafts,
            f"{counted(drafts, 'draft')}: submitted as one request for the same models, as begun.",
        ),
    )


def effects_of_publishing(version: LicenceVersion, now: datetime) -> list[Effect]:
    """List whom a version of a licence, drafted or published, meets, and who stays as they are."""
    if version.licence.pk is None:
        return []
    repos = _standing_under(version.licence)
    standing, model_count = standing_on(repos, now), repos.count()
    return _present(
        Effect(
            "models",
            model_count,
            f"{counted(model_count, 'model stands', 'models stand')} under this licence. Whoever "
            "asks for one from then on reads and signs this text.",
        ),
        Effect(
            "grants",
            standing.grants,
            f"{counted(standing.grants, 'grant')}: the text that was signed governs. Their holders "
            "may sign this one, and do when they renew" + _renewing(version),
        ),
        Effect(
            "waiting_requests",
            standing.waiting,
            f"{counted(standing.waiting, 'request')} waiting, signed under the text before: an "
            "approval offers this text, and access opens when it is signed.",
        ),
        Effect(
            "offers",
            standing.offers,
            f"{counted(standing.offers, 'offer')}: whoever accepts signs this text.",
        ),
        Effect(
            "drafts",
            standing.drafts,
            f"{counted(standing.drafts, 'draft')}: asked to sign this text before they submit.",
        ),
    )


def _renewing(version: LicenceVersion) -> str:
    if version.kind == LicenceVersion.Kind.MATERIAL:
        return "; since the change is material, the team then decides."
    return "; since the change is editorial, that takes no new decision by itself."


def _standing_under(licence: Licence) -> QuerySet[ModelRepo]:
    return ModelRepo.objects.filter(licence=licence, deleted_at__isnull=True)


def _present(*effects: Effect) -> list[Effect]:
    return [effect for effect in effects if effect.count]
