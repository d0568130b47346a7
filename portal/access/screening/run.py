"""Screen a user against the sanctions lists as they are now. A failure counts as a hit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from portal.access.models import Screening, ScreeningEntry
from portal.access.screening import matching
from portal.accounts.models import User

log = logging.getLogger(__name__)
Outcome = Screening.Outcome


def screen(
    user: User,
    hits_of: Callable[[list[ScreeningEntry]], list[matching.ScreeningHit]],
    now: datetime,
) -> tuple[Screening, list[matching.ScreeningHit]]:
    """Return the result of a screening, unsaved, with its hits. The caller sets what it is of.

    ``hits_of`` returns the hits of the caller's own subject, such as a snapshot or a membership.
    Earlier hits of the user that nobody has cleared count as well, so that a new request doesn't
    get round the clearance that an old one waits for.
    """
    try:
        with transaction.atomic():
            entries = matching.active_entries()
            version = matching.list_version(entries)
            hits = [*hits_of(entries), *matching.unanswered_hits(user, entries)]
    except Exception:  # whatever failed: access must not depend on a check that didn't run
        log.exception("Account %s could not be screened", user.pk)
        return Screening(list_version="", outcome=Outcome.FAILED, hits=[], screened_at=now), []
    unique_hits = list(dict.fromkeys(hits))
    screening = Screening(
        list_version=version,
        outcome=Outcome.HIT if unique_hits else Outcome.CLEAR,
        hits=[hit.stored() for hit in unique_hits],
        screened_at=now,
    )
    return screening, unique_hits
