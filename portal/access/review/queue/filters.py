"""What a reviewer may narrow the queue by, and the conditions that it comes to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from allauth.account.models import EmailAddress
from django.contrib.postgres.search import SearchQuery
from django.db.models import Exists, OuterRef, Q
from django_countries import countries

from portal.access.models import AccessRequest, Appeal, Assignment
from portal.access.review.queue.paging import OLDEST_FIRST, QueueOrder
from portal.accounts.models import Sector, User

State = AccessRequest.State

IN_REVIEW, ASKING, HELD = (
    Q(state=State.IN_REVIEW),
    Q(state=State.NEEDS_INFO),
    Q(state=State.HELD),
)
OPEN = Q(state__in=["held", "in_review", "needs_info"])
VIEWS = {
    "open": ("All open", OPEN),
    "new": ("New", IN_REVIEW & Q(was_asked=False)),
    "answered": ("Answered", IN_REVIEW & Q(was_asked=True)),
    "waiting": ("Waiting for the applicant", ASKING),
    "held": ("Extra check", HELD),
}
DECIDED = "decided"
_DECIDED = Q(state__in=["approved", "declined", "withdrawn", "lapsed"], closed_at__isnull=False)
FLAGS = {
    "clear": "All proved, no flag",
    "unclear": "Something to look at",
    "overdue": "Overdue",
    "escalated": "Escalated",
    "appealed": "Appealed",
}
GROUPINGS = {"organization": "Organization", "evidence": "Evidence"}
MINE, NOBODYS = "mine", "nobody"
MOST_WORDS = 8


@dataclass(frozen=True)
class Filters:
    """``before`` and ``after`` are keys that a page turns on."""

    view: str = "open"
    repo: str = ""
    who: str = ""
    flag: str = ""
    sector: str = ""
    country: str = ""
    organization: str = ""
    q: str = ""
    group: str = ""
    before: int | None = None
    after: int | None = None

    @property
    def repo_id(self) -> int | None:
        return _number(self.repo)

    @property
    def carried(self) -> dict[str, str]:
        """Return the filters that a case's address carries from its list: all but the page."""
        names = ("view", "repo", "who", "flag", "sector", "country", "organization", "q", "group")
        chosen = {name: getattr(self, name) for name in names}
        return {name: value for name, value in chosen.items() if value not in ("", "open")}

    @property
    def query(self) -> str:
        """Return ``carried`` as a query string such as ``?flag=clear``; "" where nothing is set."""
        return f"?{urlencode(self.carried)}" if self.carried else ""

    @property
    def is_narrowed(self) -> bool:
        given = (self.repo, self.who, self.flag, self.sector, self.country, self.organization)
        return any((*given, self.q))


def filters_from(given: Mapping[str, str]) -> Filters:
    """What was asked for; what is unknown filters nothing."""
    view = given.get("view", "open")
    return Filters(
        view=view if view in VIEWS or view == DECIDED else "open",
        repo=given.get("repo", "") if _number(given.get("repo", "")) else "",
        who=_who(given.get("who", "")),
        flag=_among(FLAGS, given.get("flag", "")),
        sector=_among(Sector.values, given.get("sector", "")),
        country=_among(dict(countries), given.get("country", "")),
        organization=given.get("organization", "").replace("\x00", "").strip(),
        q=given.get("q", "").replace("\x00", "").strip(),
        group=_among(GROUPINGS, given.get("group", "")),
        before=_number(given.get("before", "")),
        after=_number(given.get("after", "")),
    )


def order_of(filters: Filters) -> QueueOrder:
    """Open requests as they came, the overdue as they were due, the decided last first."""
    if filters.view == DECIDED:
        return QueueOrder("closed_at", is_descending=True)
    return QueueOrder("due_at") if filters.flag == "overdue" else OLDEST_FIRST


def overdue(now: datetime) -> Q:
    """Past its date; while the applicant is asked, the clock stands."""
    return Q(state__in=["held", "in_review"], due_at__lt=now)


def conditions_of(filters: Filters, reviewer: User, now: datetime) -> list[Q]:
    conditions = [_DECIDED if filters.view == DECIDED else VIEWS[filters.view][1]]
    exact = {
        "sector": filters.sector,
        "country": filters.country,
        "organization_name": filters.organization,
    }
    conditions += [Q(**{column: value}) for column, value in exact.items() if value]
    if filters.flag:
        conditions.append(_flag(filters.flag, now))
    if filters.who:
        conditions.append(_assigned(filters.who, reviewer))
    if filters.q:
        conditions.append(_search(filters.q))
    return conditions


def _flag(flag: str, now: datetime) -> Q:
    return {
        "clear": Q(evidence_is_clear=True),
        "unclear": Q(evidence_is_clear=False),
        "overdue": overdue(now),
        "escalated": Q(escalation_level__gt=0),
        "appealed": Q(Exists(Appeal.objects.filter(request=OuterRef("pk")))),
    }[flag]


def _assigned(who: str, reviewer: User) -> Q:
    standing = Assignment.objects.filter(request=OuterRef("pk"), ended_at=None)
    if who == NOBODYS:
        return ~Q(Exists(standing))
    return Q(Exists(standing.filter(reviewer=reviewer.pk if who == MINE else int(who))))


def _search(q: str) -> Q:
    """Words, each as a beginning, in names and answers; a reference, an address, an account."""
    match = Q(pk__in=[])
    if words := re.findall(r"[^\W_]+", q)[:MOST_WORDS]:
        match |= Q(searched=_begins(words))
    if key := _number(q):
        match |= Q(pk=key)
    return match | Q(applicant__in=_accounts(q))


def _begins(words: list[str]) -> SearchQuery:
    return SearchQuery(
        " & ".join(f"{word}:*" for word in words), config="simple", search_type="raw"
    )


def _accounts(q: str) -> list[int]:
    """Whose account or address this is, in full: found by an index, not by looking through all."""
    found = set(User.objects.filter(username__in=[q, q.lower()]).values_list("pk", flat=True))
    if "@" in q:
        addresses = EmailAddress.objects.filter(email=q.lower())
        found |= set(addresses.values_list("user", flat=True)[:20])
    return sorted(found)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _among(known: object, value: str) -> str:
    return value if value in known else ""  # type: ignore[operator]


def _who(value: str) -> str:
    return value if value in (MINE, NOBODYS) or _number(value) else ""
