"""Render a revision's card for its page: once, kept by what it is made of, cut where long."""

from __future__ import annotations

import logging
import re
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

from django.core.cache import cache
from django.utils.safestring import SafeString, mark_safe
from redis.exceptions import RedisError

from portal.catalog.models import Revision
from portal.site.markdown.rendering import CardBase, render_markdown
from portal.storage import BlobMissing, blob_store

log = logging.getLogger(__name__)
CARD = "README.md"
SHOWN_BYTES = 200_000
MOST_MARKS = 30_000
MARK = re.compile(r"[\n*_~\[\]!<&`|\\#>]")
"""Rendering spends its time on these; plain letters cost next to nothing."""
KEPT_FOR = timedelta(hours=12)
VERSION = 1  # of the rendering; a change of it makes all cards anew


@dataclass(frozen=True)
class Card:
    """A rendered card; ``is_cut`` where the file, which is at ``url``, goes on after it."""

    html: SafeString
    is_cut: bool
    url: str


def look_at_card(revision: Revision, base: CardBase) -> Card | None:
    """Show the revision's README.md; None where there is none to show."""
    file = revision.files.filter(path=CARD).first()
    if file is None:
        return None
    key = _key(file.blob_id, base)
    kept = _kept(key)
    if kept is None:
        text = _beginning(file.blob_id)
        if text is None:
            return None
        shown = shortened(text)
        kept = {"html": str(render_markdown(shown, base)), "is_cut": len(shown) < len(text)}
        _keep(key, kept)
    html = mark_safe(kept["html"])  # noqa: S308 (sanitised before it was kept)
    return Card(html, kept["is_cut"], f"{base.files}{CARD}")


def shortened(text: str) -> str:
    """Cut a text at the end of a line before it costs more than a moment to render."""
    within = text.encode()[:SHOWN_BYTES].decode("utf-8", "ignore")
    last = next(islice(MARK.finditer(within), MOST_MARKS, None), None)
    if last is not None:
        within = within[: last.start()]
    return within if within == text else within[: within.rfind("\n") + 1] or within


def _beginning(blob_id: str) -> str | None:
    """Read as much as can be shown, and a little more, which tells that there is more."""
    try:
        with blob_store().open(blob_id) as source:
            return source.read(SHOWN_BYTES + 1).decode("utf-8", "replace")
    except BlobMissing:
        return None


def _key(blob_id: str, base: CardBase) -> str:
    made_of = repr((VERSION, blob_id, sorted(asdict(base).items())))
    return f"card:{sha256(made_of.encode()).hexdigest()}"


def _kept(key: str) -> dict[str, Any] | None:
    try:
        kept: dict[str, Any] | None = cache.get(key)
    except RedisError as error:
        log.warning("Cards are rendered anew, as Redis is away: %s", error)
        return None
    return kept


def _keep(key: str, card: dict[str, Any]) -> None:
    try:
        cache.set(key, card, KEPT_FOR.total_seconds())
    except RedisError as error:
        log.warning("A card wasn’t kept, as Redis is away: %s", error)
