"""What the policy answers with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from portal.access.policy.conditions import matches


class Action(StrEnum):
    SEE = "see"
    DOWNLOAD = "download"
    INFER = "infer"
    CAPTURE = "capture"
    PUBLISH = "publish"
    REVIEW = "review"
    ADMINISTER = "administer"


class Reason(StrEnum):
    """Why not. ``policy.refusals`` has the words for each."""

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
    """How far an allowance goes. ``files``: patterns of paths, None for all."""

    files: tuple[str, ...] | None = None
    tokens_per_day: int | None = None


UNLIMITED = Limits()


@dataclass(frozen=True)
class Basis:
    """A grant that an allowance rests on, and the files that it is for; None for all."""

    grant_id: int
    files: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Permission:
    """``since``: the date that the reason speaks of, such as when an answer is due. ``bases``:
    the grants that allow it; none where something else does, such as an open gate."""

    allowed: bool
    reason: Reason | None = None
    help_url: str = ""
    since: datetime | None = None
    limits: Limits = UNLIMITED
    bases: tuple[Basis, ...] = field(default=(), compare=False)

    def covers(self, path: str) -> bool:
        """Tell whether an allowance to download holds for this path too."""
        files = self.limits.files
        return self.allowed and (files is None or matches(path, files))


ALLOWED = Permission(allowed=True)


def refuse(reason: Reason, help_url: str = "", since: datetime | None = None) -> Permission:
    return Permission(allowed=False, reason=reason, help_url=help_url, since=since)
