"""Follow the bytes of a held revision: its files, and all revisions that contain them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from inference.model_files.weight_formats import is_called_weights
from portal.access.models import Hold
from portal.access.policy.conditions import matches
from portal.catalog.models import File, ModelRepo, Ref, Revision
from portal.errors import FieldErrors

NEVER_WEIGHTS = (".json", ".jsonl", ".md", ".model", ".tiktoken", ".txt")
MOST_LISTED = 100


def covered_blobs(revision: Revision, patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the blobs that a hold on this revision covers wherever they are served.

    Without patterns of paths these are the large files that are no text and no tokenizer, since
    many harmless revisions share those. Raises FieldErrors for patterns that name no file.
    """
    files = list(File.objects.filter(revision=revision).only("path", "lfs", "blob_id"))
    if patterns:
        chosen = [file for file in files if matches(file.path, tuple(patterns))]
        if not chosen:
            raise FieldErrors({"only_files": "The revision has no such file. Name paths in it."})
    else:
        chosen = [file for file in files if _may_be_weights(file)]
    return tuple(sorted({file.blob_id for file in chosen}))


def _may_be_weights(file: File) -> bool:
    """Tell whether a file may be weights, by its suffix too: a .gitattributes may hide its size."""
    is_large = file.lfs or is_called_weights(file.path)
    return is_large and not file.path.endswith(NEVER_WEIGHTS)


def held_revisions(hold: Hold) -> QuerySet[Revision]:
    """Select every revision that is served to nobody while the hold stands."""
    reach = Q() if hold.everywhere else Q(repo__namespace=_repo(hold).namespace_id)
    return Revision.objects.filter(Q(pk=hold.revision_id) | reach & _with_blobs(hold))


def held_repos(hold: Hold) -> QuerySet[ModelRepo]:
    """Select the repos that have a revision which the hold stops, with their names."""
    revisions = held_revisions(hold).order_by()
    return ModelRepo.objects.with_names().filter(pk__in=revisions.values("repo"))


@dataclass(frozen=True)
class HeldRevision:
    """A revision that a hold stops; ``refs`` are the branches and tags that name it."""

    repo: str
    commit: str
    title: str
    refs: list[str]

    @property
    def url(self) -> str:
        return f"/{self.repo}?revision={self.commit}"


@dataclass(frozen=True)
class Reach:
    """The effect of a hold on bytes, as far as its reader may know of it.

    ``elsewhere``: models that serve the same bytes, and that another hold must stop.
    """

    files: int
    revisions: list[HeldRevision]
    revision_count: int
    elsewhere: list[str]


def reach_of(hold: Hold, visible: QuerySet[ModelRepo]) -> Reach | None:
    """List what a hold on a revision stops in the repos that its reader may know of.

    Return None for a hold on people.
    """
    if hold.revision is None:
        return None
    stopped = held_revisions(hold)
    listed = stopped.filter(repo__in=visible).select_related("repo__namespace")[:MOST_LISTED]
    serving = Revision.objects.filter(_with_blobs(hold), repo__in=visible)
    others = serving.exclude(pk__in=stopped.order_by().values("pk")).order_by().values("repo")
    elsewhere = ModelRepo.objects.filter(pk__in=others).with_names()[:MOST_LISTED]
    return Reach(
        files=len(hold.blob_ids),
        revisions=_described(list(listed)),
        revision_count=stopped.count(),
        elsewhere=[repo.full_name for repo in elsewhere],
    )


def _described(revisions: list[Revision]) -> list[HeldRevision]:
    names: dict[int, list[str]] = {}
    for ref in Ref.objects.filter(revision__in=revisions).order_by("kind", "name"):
        names.setdefault(ref.revision_id, []).append(ref.name)
    return [
        HeldRevision(
            revision.repo.full_name, revision.commit, revision.title, names.get(revision.pk, [])
        )
        for revision in revisions
    ]


def _with_blobs(hold: Hold) -> Q:
    files = File.objects.filter(revision=OuterRef("pk"), blob__in=hold.blob_ids).order_by()
    return Q(Exists(files))


def _repo(hold: Hold) -> ModelRepo:
    if hold.repo is None:
        raise ValueError("a hold on a revision names its repo")
    return hold.repo
