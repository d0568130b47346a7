"""Render a revision's card for its page: cached by its content, and cut where it is long."""

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
VERSION = 2  # of the rendering; raise it to render all cached cards anew


@dataclass(frozen=True)
class Card:
    """A rendered card; ``is_cut`` where the file, which is at ``url``, goes on after it."""

    html: SafeString
    is_cut: bool
    url: str


def look_at_card(revision: Revision, base: CardBase) -> Card | None:
    """Return the rendered README.md of the revision; None where it has none."""
    file = revision.all_files().filter(path=CARD).first()
    if file is None:
        return None
    key = _key(file.blob_id, base)
    card = _cached(key)
    if card is None:
        text = _beginning(file.blob_id)
        if text is None:
            return None
        shown = shortened(text)
        card = {"html": str(render_markdown(shown, base)), "is_cut": len(shown) < len(text)}
        _cache(key, card)
    html = mark_safe(card["html"])  # noqa: S308 (sanitised before it was cached)
    return Card(html, card["is_cut"], f"{base.files}{CARD}")


def shortened(text: str) -> str:
    """Cut a text at the end of a line before it costs more than a moment to render."""
    within = text.encode()[:SHOWN_BYTES].decode("utf-8", "ignore")
    last = next(islice(MARK.finditer(within), MOST_MARKS, None), None)
    if last is not None:
        within = within[: last.start()]
    return within if within == text else within[: within.rfind("\n") + 1] or within


def _beginning(blob_id: str) -> str | None:
    """Read what can be shown and one byte more, which tells that the file goes on."""
    try:
        with blob_store().open(blob_id) as source:
            return source.read(SHOWN_BYTES + 1).decode("utf-8", "replace")
    except BlobMissing:
        return None


def _key(blob_id: str, base: CardBase) -> str:
    made_of = repr((VERSION, blob_id, sorted(asdict(base).items())))
    return f"card:{sha256(made_of.encode()).hexdigest()}"


def _cached(key: str) -> dict[str, Any] | None:
    try:
        card: dict[str, Any] | None = cache.get(key)
    except RedisError as error:
        log.warning("Redis is away, so cards are rendered anew: %s", error)
        return None
    return card


def _cache(key: str, card: dict[str, Any]) -> None:
    try:
        cache.set(key, card, KEPT_FOR.total_seconds())
    except RedisError as error:
        log.warning("Redis is away, so a card wasn’t cached: %s", error)
