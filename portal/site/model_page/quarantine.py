"""The state of a revision's check, for those who publish it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from portal.catalog.models import Revision, RevisionCheck
from portal.catalog.quarantine.questions import questions_of
from portal.catalog.quarantine.words import check_of

State = RevisionCheck.State
TITLES = {
    State.CHECKING: _("This revision is being checked"),
    State.INCOMPLETE: _("This revision is incomplete"),
    State.FAILED: _("This revision failed its check"),
    State.CONSENT: _("This revision waits for a publisher’s consent"),
}


@dataclass(frozen=True)
class Quarantine:
    """The reason why only publishers see a revision, and what they are to agree to.

    ``percent`` is how far its check has come.
    """

    title: str
    check: RevisionCheck
    percent: int | None
    questions: list[str]


def look_at_quarantine(revision: Revision | None) -> Quarantine | None:
    """Describe the check of a revision in quarantine; return None for one that has passed."""
    check = check_of(revision) if revision else None
    if revision is None or check is None:
        return None
    is_read = check.state == State.CHECKING and check.total_bytes > 0
    percent = (
        100 * min(check.read_bytes, check.total_bytes) // check.total_bytes if is_read else None
    )
    title = str(TITLES[State(check.state)])
    return Quarantine(title, check, percent, questions_of(revision).words)
