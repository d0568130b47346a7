"""Read what revisions' cards and files say when it is first asked for, and store it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from portal.catalog.formats.card import LARGEST_CARD_BYTES
from portal.catalog.models import File, ModelRepo, Ref, Revision
from portal.catalog.services.lookup import DEFAULT_BRANCH
from portal.hub.metadata.front_matter import CARD, card_text, read_metadata
from portal.hub.metadata.tags import derive, texts_of
from portal.hub.models import RevisionCard
from portal.storage import BlobMissing

MOST_AT_ONCE = 1000  # the rest is read by the next request
NOT_OF_CARDS = ("self", "ignore_metadata_errors", "eval_results")
"""Clients hand the metadata to a constructor by name, which these names would break."""


def cards_of(revisions: Iterable[Revision]) -> dict[int, RevisionCard]:
    """Return each revision's card by the revision's key, in one query once all are known."""
    wanted = {revision.pk: revision for revision in revisions}
    known = RevisionCard.objects.in_bulk(list(wanted))
    missing = [revision for key, revision in wanted.items() if key not in known]
    return known | (_read(missing) if missing else {})


def read_heads(repos: Collection[ModelRepo] | Any) -> None:
    """Read the cards that no look-up by tags would find yet: those of heads never asked for."""
    heads = Ref.objects.filter(repo__in=repos, kind=Ref.Kind.BRANCH, name=DEFAULT_BRANCH)
    unread = heads.filter(revision__card=None).select_related("revision")[:MOST_AT_ONCE]
    if revisions := [ref.revision for ref in unread]:
        _read(revisions)


def _read(revisions: list[Revision]) -> dict[int, RevisionCard]:
    """Read cards and store them; one whose bytes are away is empty, and is read again next time."""
    files: dict[int, dict[str, File]] = defaultdict(dict)
    rows = File.in_history.filter(revision__in=revisions).select_related("blob").order_by()
    for file in rows:
        files[file.revision_id][file.path] = file
    cards, readable = {}, []
    for revision in revisions:
        paths = files[revision.pk]
        try:
            card = _card(revision, paths, _metadata(paths.get(CARD)))
            readable.append(card)
        except BlobMissing:
            card = _card(revision, paths, {})
        cards[revision.pk] = card
    RevisionCard.objects.bulk_create(readable, ignore_conflicts=True)
    return cards


def _metadata(file: File | None) -> dict[str, Any]:
    if file is None or file.blob.size_bytes > LARGEST_CARD_BYTES:
        return {}
    metadata = read_metadata(card_text(file.blob_id))
    content = {str(name): value for name, value in metadata.items() if name not in NOT_OF_CARDS}
    if "tags" in content:
        content["tags"] = texts_of(content["tags"])
    if "language" in content:
        languages = texts_of(content["language"])
        content["language"] = languages[0] if len(languages) == 1 else languages
    return content


def _card(revision: Revision, paths: Collection[str], metadata: dict[str, Any]) -> RevisionCard:
    derived = derive(metadata, paths)
    return RevisionCard(
        revision=revision,
        metadata=metadata,
        library=derived.library,
        pipeline=derived.pipeline,
        tags=derived.tags,
        keys=[tag.lower() for tag in derived.tags],
    )
