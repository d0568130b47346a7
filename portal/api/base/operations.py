"""One operation of the API: who may call it, what it takes and gives, and the call itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar

from django.db import models
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from portal.access.policy.request_actions import RequestAction
from portal.access.requests.signing import Signature
from portal.accounts.models import AccessToken, Scope, User
from portal.accounts.tokens.authentication import Caller
from portal.client_ip import client_ip

Q = TypeVar("Q", bound="models.QuerySet[Any]")


class Who(StrEnum):
    """Who may call, where no scope is named."""

    ANYBODY = "anybody"
    PERSON = "person"  # signed in, or by any token: reading what is one's own
    SESSION = "session"  # signed in: what binds the person


@dataclass(frozen=True)
class Slice:
    """A page as people’s pages cut it; ``next`` and ``previous``: the query that turns to it."""

    rows: Sequence[Any]
    next: dict[str, int] | None
    previous: dict[str, int] | None
    count: int | None = None


@dataclass(frozen=True)
class Operation:
    """An operation of the API; where ``is_list``, ``gives`` describes a row of the list."""

    run: Callable[..., Any]
    needs: Who | Scope
    gives: type[BaseSerializer[Any]] | None = None
    takes: type[BaseSerializer[Any]] | None = None
    filters: type[BaseSerializer[Any]] | None = None
    prepare: Callable[[Call, Sequence[Any]], Sequence[Any]] | None = None
    status: int = 200
    is_list: bool = False
    has_own_pages: bool = False
    act: RequestAction | None = None
    example: dict[str, Any] | None = None
    errors: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        return self.run.__name__

    @property
    def words(self) -> str:
        return " ".join((self.run.__doc__ or "").split())


@dataclass
class Call:
    """What an operation is given: who asks, by which token, when, and what they sent."""

    request: Request
    operation: Operation
    now: datetime
    queries: dict[str, Any] = field(default_factory=dict)

    @property
    def person(self) -> User:
        """Only where the operation needs one."""
        assert isinstance(self.request.user, User)  # noqa: S101 (the endpoint has asked)
        return self.request.user

    @property
    def token(self) -> AccessToken | None:
        return self.request.auth if isinstance(self.request.auth, AccessToken) else None

    @property
    def caller(self) -> Caller:
        person = self.request.user
        return Caller(person if isinstance(person, User) else None, self.token)

    @property
    def is_of_a_team(self) -> bool:
        """Whether what a team reads of others may be read so: no token for a download does it."""
        return self.token is None or bool({Scope.REVIEW, Scope.ADMIN} & set(self.token.scopes))

    @property
    def ip(self) -> str | None:
        return client_ip(self.request._request)

    @cached_property
    def data(self) -> dict[str, Any]:
        """What was sent, checked. Read it after the lookup: a stranger learns no shapes."""
        assert self.operation.takes is not None  # noqa: S101
        return self.checked(self.operation.takes, self.request.data)

    def checked(self, serializer: type[BaseSerializer[Any]], given: Any) -> dict[str, Any]:
        asked = serializer(data=given)
        asked.is_valid(raise_exception=True)
        return dict(asked.validated_data)

    def within(self, found: Q, path: str = "repo") -> Q:
        """Narrowed to the repos that the token is for; ``path`` leads to the repo."""
        if self.token is None or self.token.repo_ids is None:
            return found
        narrowed: Q = found.filter(**{f"{path}__in": self.token.repo_ids})
        return narrowed

    def signature(self) -> Signature:
        """What was signed, in the field ``signature``."""
        given = self.data["signature"]
        return Signature(
            text_sha256=given["text_sha256"],
            typed_name=given["typed_name"],
            capacity=given["capacity"],
            entity=given.get("entity", ""),
            attestations=frozenset(given["attestations"]),
            ip=self.ip,
        )


def operation(
    needs: Who | Scope,
    *,
    gives: type[BaseSerializer[Any]] | None = None,
    takes: type[BaseSerializer[Any]] | None = None,
    filters: type[BaseSerializer[Any]] | None = None,
    prepare: Callable[[Call, Sequence[Any]], Sequence[Any]] | None = None,
    status: int = 200,
    act: RequestAction | None = None,
    example: dict[str, Any] | None = None,
    errors: tuple[int, ...] = (),
) -> Callable[[Callable[..., Any]], Operation]:
    """An operation that answers with one thing, or with nothing (204) where it gives none."""

    def made(run: Callable[..., Any]) -> Operation:
        return Operation(
            run=run,
            needs=needs,
            gives=gives,
            takes=takes,
            filters=filters,
            prepare=prepare,
            status=status if gives else 204,
            act=act,
            example=example,
            errors=errors,
        )

    return made


def listing(
    needs: Who | Scope,
    gives: type[BaseSerializer[Any]],
    *,
    filters: type[BaseSerializer[Any]] | None = None,
    prepare: Callable[[Call, Sequence[Any]], Sequence[Any]] | None = None,
    has_own_pages: bool = False,
) -> Callable[[Callable[..., Any]], Operation]:
    """A list: the function gives a queryset, of which one page is read; or a ``Slice``, where
    people’s page cuts it.

    ``prepare`` makes a page's objects into what ``gives`` shows, in a bounded number of queries.
    """

    def made(run: Callable[..., Any]) -> Operation:
        return Operation(
            run=run,
            needs=needs,
            gives=gives,
            filters=filters,
            prepare=prepare,
            is_list=True,
            has_own_pages=has_own_pages,
        )

    return made
