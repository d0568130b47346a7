"""The letters that a team may put into its own words, as their page groups them.

Two sorts keep fixed words. Letters to the team itself (``FIXED``) tell its members what to see to;
no applicant reads them. And a hold on every model of the site is of no one team, so its letters go
out in the default words of theirs.
"""

from __future__ import annotations

from portal.access.letters.kinds.base import LetterKind
from portal.access.letters.kinds.deadlines import CLOCK
from portal.access.letters.kinds.decisions import DECISIONS
from portal.access.letters.kinds.grants import GRANTS
from portal.access.letters.kinds.members import MEMBERS
from portal.access.letters.kinds.requests import REQUESTS

__all__ = ["FIXED", "GROUPS", "KINDS", "LetterKind"]

GROUPS: dict[str, dict[str, LetterKind]] = {
    "On the way of a request": REQUESTS,
    "Decisions": DECISIONS,
    "Grants and their members": GRANTS | MEMBERS,
    "Reminders, delays and ends": CLOCK,
}
KINDS = {slug: kind for group in GROUPS.values() for slug, kind in group.items()}
FIXED = frozenset(
    {
        "assignment",
        "check_team",
        "hold_reminder",
        "overdue_owners",
        "overdue_team",
        "renewal_overdue_owners",
        "renewal_overdue_team",
        "stranded",
        "unreachable",
    }
)
