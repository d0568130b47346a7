"""A permission, as the policy gives or refuses it: actions, reasons and limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from portal.access.policy.conditions import matches
from portal.access.policy.quotas import Quotas


class Action(StrEnum):
    """An action on a model, for which a person has a permission or not: see ``policy.may``."""

    SEE = "see"
    DOWNLOAD = "download"
    INFER = "infer"
    SCORE = "score"  # infer, with log-probabilities
    CAPTURE = "capture"  # look inside the model, or change what stands there
    PUBLISH = "publish"
    REVIEW = "review"
    ADMINISTER = "administer"


class Reason(StrEnum):
    """A reason to refuse a permission. ``policy.refusals`` has the words for each."""

    NO_TOKEN = "no_token"  # noqa: S105
    NOT_FOUND = "not_found"
    NO_REQUEST = "no_request"
    PENDING = "pending"
    QUESTION = "question"
    DECLINED = "declined"
    LAPSED = "lapsed"
    EXPIRED = "expired"
    REVOKED = "revoked"
    CLOSED = "closed"
    SUSPENDED = "suspended"
    RESTORED = "restored"
    CHECKED = "checked"
    SIGN = "sign"
    OFFERED = "offered"
    INVITED = "invited"
    MODE = "mode"
    CONDITION = "condition"
    SCOPE = "scope"
    NOT_TEAM = "not_team"


@dataclass(frozen=True)
class Limits:
    """The bounds of a permission. ``files``: patterns of paths, None for all.

    ``tokens_per_day``: while a request is undecided. ``quotas``: of each grant that it rests on;
    none where no grant names any. ``has_floor``: its jobs have a set share of the engine, whoever
    else waits.
    """

    files: tuple[str, ...] | None = None
    tokens_per_day: int | None = None
    quotas: tuple[Quotas, ...] = ()
    has_floor: bool = False


UNLIMITED = Limits()


@dataclass(frozen=True)
class Basis:
    """A grant that a permission rests on, and the files that it opens; None for all."""

    grant_id: int
    files: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Permission:
    """A permission that is given, or refused for a reason.

    ``since``: the date that the reason speaks of, such as when an answer is due. ``condition``:
    what rules it out, in ASCII as the end of a sentence. ``bases``: the grants that allow it; none
    where something else does, such as an open gate.
    """

    allowed: bool
    reason: Reason | None = None
    help_url: str = ""
    since: datetime | None = None
    condition: str = ""
    limits: Limits = UNLIMITED
    bases: tuple[Basis, ...] = field(default=(), compare=False)

    def covers(self, path: str) -> bool:
        """Tell whether a permission to download holds for this path too."""
        files = self.limits.files
        return self.allowed and (files is None or matches(path, files))


ALLOWED = Permission(allowed=True)
TEXT_ONLY = _("it gives generated text only: no logprobs, hidden states or attention")
NO_CAPTURES = _("it gives no captures: no hidden states, attention or interventions")
TEXT_ONLY_WHILE_WAITING = _(
    "while your request is with the reviewers, it gives generated text only: no logprobs, hidden "
    "states or attention"
)
OTHER_FILES = _("it covers other files than this one")


def refuse(
    reason: Reason, help_url: str = "", since: datetime | None = None, *, condition: str = ""
) -> Permission:
    return Permission(
        allowed=False, reason=reason, help_url=help_url, since=since, condition=condition
    )
