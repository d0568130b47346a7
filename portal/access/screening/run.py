"""Holding somebody against the lists of a moment. What can't be screened counts as a hit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from portal.access.models import Screening, ScreeningEntry
from portal.access.screening import matching as lists
from portal.accounts.models import User

log = logging.getLogger(__name__)
Outcome = Screening.Outcome


def screen(
    user: User, hits_of: Callable[[list[ScreeningEntry]], list[lists.ScreeningHit]], now: datetime
) -> tuple[Screening, list[lists.ScreeningHit]]:
    """What was found, not yet saved, and not yet said of whom: that is the caller's.

    ``hits_of``: what of the caller's is hit by these entries; the person's own hits that nobody
    has answered yet count besides.
    """
    try:
        with transaction.atomic():
            entries = lists.active_entries()
            version = lists.list_version(entries)
            hits = [*hits_of(entries), *lists.unanswered_hits(user, entries)]
    except Exception:  # whatever it was, a human looks
        log.exception("Account %s could not be screened", user.pk)
        return Screening(list_version="", outcome=Outcome.FAILED, hits=[], screened_at=now), []
    found = list(dict.fromkeys(hits))
    screening = Screening(
        list_version=version,
        outcome=Outcome.HIT if found else Outcome.CLEAR,
        hits=[hit.stored() for hit in found],
        screened_at=now,
    )
    return screening, found
