"""Define a timer: rows whose time has come, and what is then done with each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from django.db.models import CharField, Exists, QuerySet, Value
from django.db.models.functions import Cast, Concat

from portal.outbox.models import OutboxMessage

TO_OWNERS = timedelta(days=7)  # after the administrators were told, where nothing came of it
GONE_LONG = timedelta(days=30)
"""An installation that was away for longer doesn't write any more about what is past."""

DueRows: TypeAlias = Callable[[datetime], QuerySet[Any]]
Lock: TypeAlias = Callable[[QuerySet[Any], int], Any]


def locking(*related: str, of: tuple[str, ...] = ("self",)) -> Lock:
    """Return a lock that passes over a row in somebody's hands: it is due in a minute, too."""

    def lock(due: QuerySet[Any], pk: int) -> Any:
        rows = due.select_for_update(of=of, skip_locked=True, no_key=True)
        return rows.select_related(*related).filter(pk=pk).first()

    return lock


@dataclass(frozen=True)
class Timer:
    """A step of the tick.

    ``due`` selects the rows whose time has come. ``act`` does what follows for one that ``lock``
    has locked and found to be due still, and returns False if nothing was to be done. ``batches``:
    how many batches are taken a minute, where most rows only need to be looked at.
    """

    name: str
    due: DueRows
    act: Callable[[Any, datetime], bool | None]
    lock: Lock
    batches: int = 1

    def run(self, pk: int, now: datetime) -> bool:
        """Lock one row and do what is due; False if there is nothing to do any more."""
        row = self.lock(self.due(now), pk)
        return row is not None and self.act(row, now) is not False


def letters(*key: Any, **narrower: Any) -> QuerySet[OutboxMessage]:
    """Select the letter whose key is these parts joined: words, and columns of the row outside.

    A letter's key says whether a reminder was written, so that no row needs to note it.
    """
    parts = [Value(part) if isinstance(part, str) else Cast(part, CharField()) for part in key]
    return OutboxMessage.objects.filter(key=Concat(*parts, Value("")), **narrower)


def is_written(*key: Any) -> Exists:
    return Exists(letters(*key))
