"""Rows of what is open to a person now: until when, and what is left today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from portal.access.grants.own import ListedGrant
from portal.access.grants.renewals import OPENS_BEFORE
from portal.catalog.models import ModelRepo
from portal.jobs.quota import Quota


@dataclass(frozen=True)
class TokensLeft:
    """The tokens of a hosted model that are left today; ``limit``: None where all models share."""

    repo: ModelRepo
    left: int
    limit: int | None


@dataclass(frozen=True)
class OpenRow:
    """A grant that opens a model now. ``ends_soon``: its renewal can be asked for."""

    listed: ListedGrant
    tokens: list[TokensLeft]
    ends_soon: bool

    @property
    def models(self) -> str:
        return ", ".join(repo.name for repo in self.listed.repos)


def open_rows(
    grants: Iterable[ListedGrant],
    quotas: Mapping[ModelRepo, Quota | None],
    shared: Quota,
    now: datetime,
) -> list[OpenRow]:
    """Return a row for each grant, in the same order.

    quotas: of each hosted model, None for ``shared``, which all of these share.
    """
    return [
        OpenRow(
            row,
            [_tokens(repo, quotas[repo], shared) for repo in row.repos if repo in quotas],
            row.grant.ends_at - now <= OPENS_BEFORE,
        )
        for row in grants
    ]


def _tokens(repo: ModelRepo, own: Quota | None, shared: Quota) -> TokensLeft:
    return TokensLeft(repo, (own or shared).left, own.limit if own else None)
