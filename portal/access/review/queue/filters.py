"""Read the queue's filters from an address, and turn them into conditions.

django-filter isn't used: it filters one queryset, while the queue is read from many (``paging``),
and each filter here is one that an index of AccessRequest answers in the queue's order.
"""

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

from portal.access.evidence.flags import WORDS, FlagKind
from portal.access.models import AccessRequest, Appeal, Assignment
from portal.access.querysets.requests import overdue
from portal.access.review.queue.paging import QueueOrder
from portal.accounts.models import Sector, User

State = AccessRequest.State

IN_REVIEW = Q(state=State.IN_REVIEW)
UNDECIDED = Q(state__in=["held", "in_review", "needs_info"])
MINE, NOBODYS = "mine", "nobody"
VIEWS = {
    "open": ("All open", UNDECIDED),
    MINE: ("Mine", UNDECIDED),  # narrowed to the reader’s own by ``view_of``
    "clear": ("All proved, no flag", UNDECIDED & Q(evidence_is_clear=True)),
    "new": ("New", IN_REVIEW & Q(was_asked=False)),
    "answered": ("Answered", IN_REVIEW & Q(was_asked=True)),
    "waiting": ("Waiting for the applicant", Q(state=State.NEEDS_INFO)),
    "held": ("Extra check", Q(state=State.HELD)),
}
DECIDED = "decided"
_DECIDED = Q(state__in=["approved", "declined", "withdrawn", "lapsed"], closed_at__isnull=False)
STANDINGS = {
    "clear": "All proved, no flag",
    "unclear": "Something to look at",
    "overdue": "Overdue",
    "escalated": "Escalated",
    "appealed": "Appealed",
}
EVIDENCE = {str(kind): WORDS[kind] for kind in FlagKind}
FLAGS = STANDINGS | EVIDENCE
GROUPINGS = {"organization": "Organization", "evidence": "Evidence"}
BY_DUE_DATE = QueueOrder("due_at", apart=State.NEEDS_INFO)
MOST_WORDS = 8  # each word is a prefix scan of the search index; more are ignored


@dataclass(frozen=True)
class Filters:
    """The filters of a queue's list. ``before`` and ``after`` are the keys next to a page."""

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
        """Return the filters that a case's address takes along from its list: all but the page."""
        names = ("view", "repo", "who", "flag", "sector", "country", "organization", "q", "group")
        chosen = {name: getattr(self, name) for name in names}
        return {name: value for name, value in chosen.items() if value not in ("", "open")}

    @property
    def query(self) -> str:
        """Return ``carried`` as a query string such as ``?flag=clear``; "" where nothing is set."""
        return f"?{urlencode(self.carried)}" if self.carried else ""

    @property
    def is_narrowed(self) -> bool:
        """Tell if any filter is set beside the view."""
        narrowing = (self.repo, self.who, self.flag, self.sector, self.country, self.organization)
        return any((*narrowing, self.q))


def filters_from(parameters: Mapping[str, str]) -> Filters:
    """Return the filters that an address asks for; unknown values filter nothing."""
    view = parameters.get("view", "open")
    return Filters(
        view=view if view in VIEWS or view == DECIDED else "open",
        repo=parameters.get("repo", "") if _number(parameters.get("repo", "")) else "",
        who=_who(parameters.get("who", "")),
        flag=_among(FLAGS, parameters.get("flag", "")),
        sector=_among(Sector.values, parameters.get("sector", "")),
        country=_among(dict(countries), parameters.get("country", "")),
        # PostgreSQL refuses NUL in a text, and anybody can put one into an address.
        organization=parameters.get("organization", "").replace("\x00", "").strip(),
        q=parameters.get("q", "").replace("\x00", "").strip(),
        group=_among(GROUPINGS, parameters.get("group", "")),
        before=_number(parameters.get("before", "")),
        after=_number(parameters.get("after", "")),
    )


def order_of(filters: Filters) -> QueueOrder:
    """Order by due date, those whose clock is paused last; decided ones by the newest decision."""
    if filters.view == DECIDED:
        return QueueOrder("closed_at", is_descending=True)
    return BY_DUE_DATE


def view_of(slug: str, reviewer: User) -> Q:
    """Return the condition of a view."""
    if slug == DECIDED:
        return _DECIDED
    condition = VIEWS[slug][1]
    return condition & _assigned(MINE, reviewer) if slug == MINE else condition


def conditions_of(filters: Filters, reviewer: User, now: datetime) -> list[Q]:
    conditions = [view_of(filters.view, reviewer)]
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
    if flag in EVIDENCE:
        return Q(evidence_flags__contains=[flag])
    return {
        "clear": Q(evidence_is_clear=True),
        "unclear": Q(evidence_is_clear=False),
        "overdue": overdue(now),
        "escalated": Q(escalation_level__gt=0),
        "appealed": Q(Exists(Appeal.objects.filter(request=OuterRef("pk")))),
    }[flag]


def _assigned(who: str, reviewer: User) -> Q:
    assigned = Assignment.objects.filter(request=OuterRef("pk"), ended_at=None)
    if who == NOBODYS:
        return ~Q(Exists(assigned))
    return Q(Exists(assigned.filter(reviewer=reviewer.pk if who == MINE else int(who))))


def _search(q: str) -> Q:
    """Match names and answers by beginnings of words; or a reference, an address, a username."""
    match = Q(pk__in=[])
    if words := re.findall(r"[^\W_]+", q)[:MOST_WORDS]:
        match |= Q(searched=_begins(words))
    if key := _number(q):
        match |= Q(pk=key)
    return match | Q(applicant__in=_accounts(q))


def _begins(words: list[str]) -> SearchQuery:
    # "raw" for the prefix match; the words are letters and digits only, so nothing in them is
    # syntax. "simple" because names and answers come in every language.
    return SearchQuery(
        " & ".join(f"{word}:*" for word in words), config="simple", search_type="raw"
    )


def _accounts(q: str) -> list[int]:
    """Return the users with this username or address in full, so that an index finds them."""
    users = set(User.objects.filter(username__in=[q, q.lower()]).values_list("pk", flat=True))
    if "@" in q:
        addresses = EmailAddress.objects.filter(email=q.lower())
        users |= set(addresses.values_list("user", flat=True)[:20])
    return sorted(users)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None  # fits a bigint


def _among(known: object, value: str) -> str:
    return value if value in known else ""  # type: ignore[operator]


def _who(value: str) -> str:
    return value if value in (MINE, NOBODYS) or _number(value) else ""
