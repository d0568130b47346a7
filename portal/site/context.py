"""The context of every page: the signed-in user, the place in the navigation, and the theme.

Beyond the user, values are lazy: the database is queried only for what a template prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.db.models import Exists
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from portal.access.grants.pending_actions import turn_count
from portal.access.querysets.requests import seats_as_guest
from portal.access.review.queue.listing import waiting_count
from portal.access.review.queue.paging import CappedCount
from portal.accounts.mailboxes import unreachable
from portal.accounts.models import User
from portal.accounts.views.profile import keys_on
from portal.accounts.views.time_zones import zone_of
from portal.catalog.labs.lookup import labs_run_by
from portal.catalog.models import ModelRepo
from portal.forms.kept import is_form_kept, kept_form
from portal.site.letters import letters_of

THEMES = ("light", "dark")  # anything else follows the system
THEME_COOKIE = "theme"

# A view belongs to the navigation entry of the first prefix that its name begins with.
SECTIONS = (
    ("access:queue", "queue"),
    ("access:case", "queue"),
    ("access:granted", "queue"),
    ("access:notice", "queue"),
    ("access:renewal", "queue"),
    ("access:hold", "queue"),
    ("access:bulk", "queue"),
    ("access:check", "queue"),
    ("access:dispose", "queue"),
    ("access:gate", "queue"),
    ("access:grant_quotas", "queue"),
    ("access:request_form", "queue"),
    ("access:question", "queue"),
    ("access:letter", "queue"),
    ("access:screening", "operators"),
    ("site:export", "queue"),
    ("access:", "access"),
    ("jobs:disclosure", "operators"),
    ("jobs:tariffs", "operators"),
    ("jobs:serving", "operators"),
    ("jobs:", "playground"),
    ("site:usage", "playground"),
    ("site:access", "access"),
    ("site:model_token", "tokens"),
    ("site:own_downloads", "access"),
    ("accounts:token", "tokens"),
    ("site:home", "models"),
    ("site:model_settings", "lab"),
    ("site:model_files", "lab"),
    ("site:model_name", "lab"),
    ("site:model_rename", "lab"),
    ("site:model_delete", "lab"),
    ("site:model", "models"),
    ("site:licence", "models"),
    ("site:lab", "lab"),
    ("site:operator", "operators"),
    ("site:storage", "operators"),
    ("records:", "operators"),
    ("site:checks", "operators"),
)


@dataclass(frozen=True)
class NavEntry:
    """One link of the main navigation."""

    key: str
    label: str
    url: str
    count: CappedCount | None = None


@dataclass(frozen=True)
class Work:
    """The work that somebody has here beside their own requests; operators may make labs."""

    reviews: bool = False
    runs_lab: bool = False


def shell(request: HttpRequest) -> dict[str, Any]:
    """Return the context of ``base.html``. A view may override ``nav_section``."""
    user = person(request)
    work = cache(lambda: work_of(user) if user else Work())
    return {
        "site_name": settings.SITE_NAME,
        "demo": settings.DEMO,
        "theme": chosen_theme(request),
        "zone": zone_of(request),
        "languages": languages_offered(request),
        "keys_off": not keys_on(request),
        "is_form_kept": SimpleLazyObject(lambda: is_form_kept(request)),
        "kept": SimpleLazyObject(lambda: kept_form(request) if user else None),
        "unread_count": SimpleLazyObject(lambda: unread_letters(user) if user else 0),
        "bounced_mailbox": SimpleLazyObject(lambda: unreachable(user) if user else None),
        "is_on_a_team": SimpleLazyObject(lambda: work().reviews or work().runs_lab),
        "nav": SimpleLazyObject(lambda: navigation(user, work())),
        "nav_section": section(request),
        "enter_next": back_here(request),
    }


def person(request: HttpRequest) -> User | None:
    """Return the signed-in user. Requests that failed early have no ``user`` at all."""
    user: Any = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None


def unread_letters(user: User) -> int:
    """Count the unread letters in the user's inbox."""
    return letters_of(user, timezone.now()).filter(read_at=None).count()


def work_of(user: User) -> Work:
    """Look up, in one query, whether a user reviews requests and runs a lab."""
    row = User.objects.filter(pk=user.pk).values_list(
        Exists(ModelRepo.objects.reviewable_by(user)),
        Exists(seats_as_guest(user)),
        Exists(labs_run_by(user)),
    )
    reviewing, visiting, running = row.get()
    return Work(reviews=reviewing or visiting, runs_lab=running or user.is_superuser)


def open_cases(user: User) -> CappedCount:
    """Count the requests in the user's queue, up to a cap."""
    return waiting_count(user)


def navigation(user: User | None, work: Work) -> list[NavEntry]:
    """Return the navigation's entries: the queue first for reviewers, few for anonymous users."""
    entries: list[tuple[str, str, str, CappedCount | None]] = []
    if user and work.reviews:
        entries.append(("queue", _("Queue"), "access:queue", open_cases(user)))
    entries.append(("models", _("Models"), "site:home", None))
    if user:
        waiting = turn_count(user, timezone.now())
        count = CappedCount(waiting) if waiting else None
        entries.append(("access", _("Access"), "site:access", count))
    entries.append(("playground", _("Playground"), "jobs:playground", None))
    if work.runs_lab:
        entries.append(("lab", _("Lab"), "site:labs", None))
    if user and user.is_operator:
        entries.append(("operators", _("Operators"), "site:operators_home", None))
    if user:
        entries.append(("tokens", _("Tokens"), "accounts:tokens", None))
    return [
        NavEntry(key, label, url, count)
        for key, label, name, count in entries
        if (url := url_or_none(name))
    ]


def back_here(request: HttpRequest) -> str:
    """Return where signing in from this page's head leads back to; "" where it is no page."""
    inside = any(part in request.path for part in ("/accounts/", "/resolve/", "/raw/", "/-/"))
    is_page = request.method in ("GET", "HEAD") and not inside
    return request.get_full_path() if is_page else ""


def section(request: HttpRequest) -> str:
    match = getattr(request, "resolver_match", None)
    name = match.view_name if match else ""
    return next((key for prefix, key in SECTIONS if name.startswith(prefix)), "")


def chosen_theme(request: HttpRequest) -> str:
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return theme if theme in THEMES else ""


def languages_offered(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the languages that this page can be had in, with their names; none if in one alone."""
    is_offered = getattr(request, "offers_languages", False) and len(settings.LANGUAGES) > 1
    return list(settings.LANGUAGES) if is_offered else []


def url_or_none(name: str) -> str | None:
    """Return the address of a view, or None where this installation doesn't serve it."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return None
