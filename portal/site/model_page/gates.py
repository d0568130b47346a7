"""A person's access to a model, as its page puts it, and the one thing to do next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.access.grants.renewals import is_renewable
from portal.access.lifecycle import ends_at
from portal.access.models import AccessRequest, Grant
from portal.access.policy.policy import Action, Permission, Person, Reason, may
from portal.access.policy.refusals import describe
from portal.access.requests.asked_models import asked_through
from portal.accounts.models import User
from portal.catalog.models import Gate, ModelRepo
from portal.formatting import thousands, whole_date

STARTS_ANEW = (Reason.NO_REQUEST, Reason.DECLINED, Reason.REVOKED, Reason.MODE)
PLAYGROUND = gettext_lazy("Try it in the playground")
WAITS = (Reason.PENDING, Reason.QUESTION, Reason.CHECKED)


@dataclass(frozen=True)
class ActionLink:
    label: str
    url: str


@dataclass(frozen=True)
class AccessNotice:
    """A notice of one's access; ``act`` is the page's one primary button.

    ``tone`` and ``icon`` mark the heading.
    """

    tone: str
    icon: str
    heading: str
    act: ActionLink | None
    other: ActionLink | None = None


@dataclass(frozen=True)
class GatePanel:
    download: Permission
    infer: Permission
    notice: AccessNotice
    due_at: datetime

    @property
    def asks(self) -> bool:
        """Tell whether the way in is a request: not what is open, offered or a signature away."""
        signs = {Reason.OFFERED, Reason.INVITED, Reason.CHECKED}
        reasons = {self.download.reason, self.infer.reason}
        return not self.download.allowed and not signs & reasons


def look_at_gate(person: Person, repo: ModelRepo, now: datetime) -> GatePanel:
    download = may(person, Action.DOWNLOAD, repo, now)
    infer = may(person, Action.INFER, repo, now)
    return GatePanel(
        download=download,
        infer=infer,
        notice=_notice(person, repo, download, infer, now),
        due_at=now + timedelta(days=repo.decision_days),
    )


def _notice(
    person: Person, repo: ModelRepo, download: Permission, infer: Permission, now: datetime
) -> AccessNotice:
    if not download.allowed:
        # An offer may stand for hosted use alone: then it says more than the refused download.
        refused_one = infer if infer.reason == Reason.OFFERED else download
        return _meanwhile(_refused(person, repo, refused_one), repo, infer)
    if not isinstance(person, User):
        return AccessNotice(
            "yes", "open", _("Open: no account needed."), ActionLink(_("Download it"), "#use")
        )
    if repo.hosted and not infer.allowed:
        refused = _refused(person, repo, infer)
        return AccessNotice("yes", "tick", _("Download is open to you."), refused.act, _token(repo))
    playground = ActionLink(str(PLAYGROUND), reverse("jobs:playground")) if repo.hosted else None
    if repo.download_gate == Gate.OPEN:
        return AccessNotice("yes", "tick", _("Open to everybody."), _token(repo), playground)
    return _granted(person, repo, download, playground, now)


def _granted(
    person: User,
    repo: ModelRepo,
    download: Permission,
    playground: ActionLink | None,
    now: datetime,
) -> AccessNotice:
    """Say until when it is open, and offer the renewal while there is one."""
    grants = Grant.objects.filter(pk__in=[basis.grant_id for basis in download.bases])
    grant = grants.select_related("collection").first()
    if grant is None:  # somebody of the team
        return AccessNotice("yes", "tick", _("It’s open to you."), _token(repo), playground)
    day = whole_date(ends_at(grant))
    heading = _("It’s open to you until %(day)s.") % {"day": day}
    if grant.collection is not None:
        words = {"collection": grant.collection.title, "grant": grant.reference, "day": day}
        heading = _("It’s open to you through %(collection)s, %(grant)s, until %(day)s.") % words
    if grant.person_id == person.pk and is_renewable(grant, now):
        renew = ActionLink(_("Renew access"), reverse("access:renew", args=[grant.pk]))
        return AccessNotice("yes", "tick", heading, renew, _token(repo))
    return AccessNotice("yes", "tick", heading, _token(repo), playground)


def _meanwhile(notice: AccessNotice, repo: ModelRepo, infer: Permission) -> AccessNotice:
    """Add the playground where hosted use is open and the download isn’t.

    That is so with a grant of hosted use alone, or while a request waits.
    """
    if not (repo.hosted and infer.allowed):
        return notice
    page = f"{reverse('jobs:playground')}?{urlencode({'model': repo.full_name})}"
    per_day = infer.limits.tokens_per_day
    label = str(PLAYGROUND)
    if per_day:
        tokens = {"tokens": thousands(per_day)}
        label = _("Try it while you wait: %(tokens)s tokens a day") % tokens
    return replace(notice, other=ActionLink(label, page))


def _token(repo: ModelRepo) -> ActionLink:
    page = reverse("site:model_token", args=[repo.namespace.name, repo.name])
    return ActionLink(_("Make a token"), page)


def _refused(person: Person, repo: ModelRepo, permission: Permission) -> AccessNotice:
    if not isinstance(person, User):
        return _sign_in(repo)
    refusal = describe(permission, repo)
    act = ActionLink(refusal.act_label, refusal.act_url)
    if permission.reason in STARTS_ANEW and _has_draft(person, repo):
        return AccessNotice(
            "calm", "note", _("Your draft request is saved."), ActionLink(_("Continue"), act.url)
        )
    if permission.reason in WAITS:
        return AccessNotice("wait", "clock", refusal.heading, act)
    return AccessNotice("calm", "todo", refusal.heading, act)


def _sign_in(repo: ModelRepo) -> AccessNotice:
    back = urlencode({"next": f"/{repo.full_name}"})
    needs_request = repo.download_gate == Gate.REVIEW
    heading = (
        _("Sign in to request access.") if needs_request else _("Sign in, then sign the licence.")
    )
    return AccessNotice(
        "calm",
        "todo",
        heading,
        ActionLink(_("Sign in"), f"{reverse('account_login')}?{back}"),
        ActionLink(_("Create an account"), f"{reverse('account_signup')}?{back}"),
    )


def _has_draft(person: User, repo: ModelRepo) -> bool:
    """Tell whether a draft waits, of the model's collection too.

    Ask it only where the policy finds nothing pending.
    """
    collection = asked_through(repo)
    same = Q(repo=repo) if collection is None else Q(repo=repo) | Q(collection=collection)
    return AccessRequest.objects.of(person).open().filter(same).exists()
