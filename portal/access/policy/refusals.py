"""Words of a refusal: for each reason a heading, one thing to do, and the same in ASCII."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from portal.access.errors import Refused
from portal.access.policy.permissions import Action, Permission, Reason
from portal.access.policy.policy import may_call, may_decide, may_read
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import File, ModelRepo, Revision
from portal.formatting import whole_date
from portal.text.languages import Words


@dataclass(frozen=True)
class Refusal:
    """A refusal as a person reads it: heading and button on a page, ``line`` in other clients."""

    reason: Reason
    repo_name: str
    heading: str
    act_label: str
    act_url: str
    line: str


@dataclass(frozen=True)
class _Words:
    heading: Words
    act: Words
    line: str  # ASCII; {url} is where to go


CATALOGUE: dict[Reason, _Words] = {
    Reason.NO_TOKEN: _Words(
        "Sign in to get {repo}.", "Make a token", "Sign in to get {repo}. Make a token at {url}"
    ),
    Reason.NOT_FOUND: _Words(
        _("There’s nothing at this address, or nothing you may know of."),
        _("Search models"),
        "There is nothing at this address, or nothing you may know of. Search models at {url}",
    ),
    Reason.NO_REQUEST: _Words(
        _("{repo} is given on request, and you haven’t asked yet."),
        _("Request access"),
        "{repo} is given on request, and you have not asked yet. Request access at {url}",
    ),
    Reason.PENDING: _Words(
        _("Your request is with the reviewers; answer due {date}."),
        _("See your request"),
        "Your request for {repo} is with the reviewers; answer due {iso}. See it at {url}",
    ),
    Reason.QUESTION: _Words(
        _("The reviewers asked you a question about {repo}."),
        _("Answer it"),
        "The reviewers asked you a question about {repo}. Answer it at {url}",
    ),
    Reason.DECLINED: _Words(
        _("Your request was declined on {date}. The letter says why."),
        _("Read why, and ask again"),
        "Your request for {repo} was declined on {iso}. Read why at {url}",
    ),
    Reason.EXPIRED: _Words(
        _("Your access ended on {date}."),
        _("Renew access"),
        "Your access to {repo} ended on {iso}. Renew it at {url}",
    ),
    Reason.REVOKED: _Words(
        _("Your access was ended by the lab on {date}. The letter says why."),
        _("Ask again"),
        "Your access to {repo} was ended by the lab on {iso}. Ask again at {url}",
    ),
    Reason.SIGN: _Words(
        _("Sign the licence of {repo} to go on."),
        _("Read and sign"),
        "Sign the licence of {repo} to go on. Read and sign at {url}",
    ),
    Reason.CLOSED: _Words(
        _("You closed your access on {date}."),
        _("Ask again"),
        "You closed your access to {repo} on {iso}. Ask again at {url}",
    ),
    Reason.LAPSED: _Words(
        _("Your request lapsed on {date}, since a question stayed open."),
        _("Take it up again"),
        "Your request for {repo} lapsed on {iso}, since a question stayed open. Take it up again "
        "at {url}",
    ),
    Reason.SUSPENDED: _Words(
        _("Access has been suspended since {date}. It can be lifted; the notice says whom to ask."),
        _("See the model"),
        "Access to {repo} has been suspended since {iso}. It can be lifted; see {url}",
    ),
    Reason.RESTORED: _Words(
        _(
            "This site was restored from a backup on {date}. Access opens again once its operators "
            "have looked. You don’t need to do anything."
        ),
        _("See the model"),
        "This site was restored from a backup on {iso}. Access to {repo} opens again once its "
        "operators have looked. See {url}",
    ),
    Reason.CHECKED: _Words(
        _("We check your access first; answer due {date}. You don’t need to do anything."),
        _("See your grants"),
        "We check your access to {repo} first; answer due {iso}. See {url}",
    ),
    Reason.OFFERED: _Words(
        _("Access is offered to you. Sign its terms by {date}."),
        _("Read and sign"),
        "Access to {repo} is offered to you. Sign its terms by {iso} at {url}",
    ),
    Reason.INVITED: _Words(
        _("You are invited to work with {repo} under somebody’s grant."),
        _("Read the terms and join"),
        "You are invited to work with {repo} under somebody's grant. Read the terms and join at "
        "{url}",
    ),
    Reason.CONDITION: _Words(
        _("A condition of your access to {repo} rules this out: {condition}."),
        _("See the conditions"),
        "A condition of your access to {repo} rules this out: {condition}. See it at {url}",
    ),
    Reason.MODE: _Words(
        _("Your access to {repo} is for {condition}, and doesn’t cover this kind of use."),
        _("Ask for it"),
        "Your access to {repo} is for {condition}, and does not cover this kind of use. Ask for it "
        "at {url}",
    ),
    Reason.SCOPE: _Words(
        _("This token may not do that, though you may."),
        _("Make a token that may"),
        "This token may not do that, though you may. Make one that may at {url}",
    ),
    Reason.NOT_TEAM: _Words(
        _("This is for the people who run {repo}."),
        _("See the model"),
        "This is for the people who run {repo}. See the model at {url}",
    ),
}


def describe(permission: Permission, repo: ModelRepo) -> Refusal:
    """Return the words of a refused permission. Raise ValueError where it was given."""
    if permission.reason is None:
        raise ValueError("a permission that is given has no refusal")
    words = CATALOGUE[permission.reason]
    path = permission.help_url or _default_page(permission.reason, repo)
    facts = {
        "repo": repo.full_name,
        "condition": permission.condition,
        "url": f"{settings.BASE_URL}{path}",
        "date": whole_date(permission.since) if permission.since else "",
        "iso": f"{permission.since:%Y-%m-%d}" if permission.since else "",
    }
    return Refusal(
        reason=permission.reason,
        repo_name=repo.full_name,
        heading=str(words.heading).format(**facts),
        act_label=str(words.act),
        act_url=path,
        line=words.line.format(**facts),
    )


def require_may(
    caller: Caller, action: Action, target: ModelRepo | Revision, now: datetime
) -> Permission:
    """Return the caller's permission, with its limits; raise Refused where there is none."""
    repo = target.repo if isinstance(target, Revision) else target
    permission = may_call(caller, action, target, now)
    _require(permission, repo)
    return permission


def require_may_decide(caller: Caller, repo: ModelRepo, now: datetime) -> None:
    """Raise Refused unless the caller may give or refuse access to this model."""
    _require(may_decide(caller, repo, now), repo)


def require_may_read(caller: Caller, file: File, now: datetime) -> Permission:
    """Return the permission to read a file; raise Refused where there is none."""
    permission = may_read(caller, file, now)
    _require(permission, file.revision.repo)
    return permission


def _require(permission: Permission, repo: ModelRepo) -> None:
    if not permission.allowed:
        raise Refused(describe(permission, repo))


def _default_page(reason: Reason, repo: ModelRepo) -> str:
    return "/" if reason == Reason.NOT_FOUND else f"/{repo.full_name}"
