"""The base of every view of the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from django.db import models
from django.utils import timezone
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.requests.signing import Signature
from portal.accounts.models import AccessToken, Scope, User
from portal.accounts.tokens.authentication import Caller
from portal.api.base.permissions import IsAuthenticated, IsSession
from portal.api.base.serializers import Input, SignedInput
from portal.client_ip import client_ip
from portal.errors import FieldErrors

Q = TypeVar("Q", bound="models.QuerySet[Any]")
UNKNOWN = "This isn’t known here. Leave it out, or look up its name in the documentation."
WRITES_WITH_A_BODY = frozenset({"POST", "PUT", "PATCH"})


class ApiView(GenericAPIView[Any]):
    """A view of the API, with its caller, and with what was sent, checked.

    ``serializer_class`` shows what is answered, ``input_serializer_class`` checks a body and
    ``filter_serializer_class`` the query of GET. Where there is none, nothing may be sent: a
    mistyped name must not be passed over. ``permission_classes`` are asked for reading and
    ``write_permission_classes`` for writing. Unless a view says otherwise, any token reads what is
    its owner's, and only a session changes it.
    """

    input_serializer_class: type[Input] | None = None
    filter_serializer_class: type[Input] | None = None
    permission_classes: Sequence[Any] = [IsAuthenticated]
    write_permission_classes: Sequence[Any] = [IsSession]

    @cached_property
    def now(self) -> datetime:
        return timezone.now()

    @property
    def user(self) -> User:
        """The caller, where the permission asks for one."""
        assert isinstance(self.request.user, User)  # noqa: S101 (the permission has asked)
        return self.request.user

    @property
    def token(self) -> AccessToken | None:
        return self.request.auth if isinstance(self.request.auth, AccessToken) else None

    @property
    def caller(self) -> Caller:
        user = self.request.user
        return Caller(user if isinstance(user, User) else None, self.token)

    @property
    def reads_for_team(self) -> bool:
        """Tell whether others' data may be read as a team reads it: not by a download token."""
        return self.token is None or bool({Scope.REVIEW, Scope.ADMIN} & set(self.token.scopes))

    @property
    def is_for_some_models(self) -> bool:
        """Tell whether the token is narrowed to some models."""
        return self.token is not None and self.token.repo_ids is not None

    def within(self, queryset: Q, path: str = "repo") -> Q:
        """Narrow a queryset to the models that the token is for; ``path`` leads to the model."""
        if self.token is None or self.token.repo_ids is None:
            return queryset
        narrowed: Q = queryset.filter(**{f"{path}__in": self.token.repo_ids})
        return narrowed

    @cached_property
    def validated_data(self) -> dict[str, Any]:
        """The body, checked. Read it after the object was looked up: strangers learn no shapes."""
        serializer_class = self.get_input_serializer_class()
        assert serializer_class is not None  # noqa: S101 (a view reads only what it declares)
        return _validated(serializer_class, self.request.data)

    @cached_property
    def filters(self) -> dict[str, Any]:
        """The query of GET, checked."""
        serializer_class = self.get_filter_serializer_class()
        if serializer_class is None:
            return {}
        queries = self.request.query_params
        names = queries.keys() - self.get_paging_names()
        return _validated(serializer_class, {name: queries[name] for name in names})

    def get_input_serializer_class(self) -> type[Input] | None:
        return self.input_serializer_class if self.request.method in WRITES_WITH_A_BODY else None

    def get_filter_serializer_class(self) -> type[Input] | None:
        return self.filter_serializer_class if self.request.method in SAFE_METHODS else None

    def get_paging_names(self) -> frozenset[str]:
        """Return the names in the query that belong to the pagination."""
        is_list = isinstance(self, ListModelMixin) and self.request.method in SAFE_METHODS
        names: frozenset[str] = getattr(self.paginator, "query_names", frozenset())
        return names if is_list else frozenset()

    def get_permissions(self) -> Sequence[Any]:
        if self.request.method in SAFE_METHODS:
            return super().get_permissions()
        return [permission() for permission in self.write_permission_classes]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Ask permissions and rates as DRF does, then refuse what isn't known in the query."""
        super().initial(request, *args, **kwargs)
        if not hasattr(self, str(request.method).lower()):
            return  # the dispatcher answers that the method isn't allowed
        self._refuse_unknown_queries()
        _ = self.filters
        if self.get_input_serializer_class() is None and request.data:
            _refuse_body(request.data)

    def _refuse_unknown_queries(self) -> None:
        known = set(self.get_paging_names())
        if serializer_class := self.get_filter_serializer_class():
            known |= set(serializer_class().fields)
        if unknown := sorted(self.request.query_params.keys() - known):
            raise FieldErrors(dict.fromkeys(unknown, UNKNOWN))


def _validated(serializer_class: type[Input], data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise FieldErrors({"body": "Send a JSON object."})
    serializer = serializer_class(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _refuse_body(data: Any) -> None:
    names = data if isinstance(data, dict) else {"body": None}
    raise FieldErrors(dict.fromkeys(sorted(map(str, names)), UNKNOWN))


class ApiListView(ListModelMixin, ApiView):
    """A view of a list, a page at a time."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)


class ApiRetrieveView(RetrieveModelMixin, ApiView):
    """A view of one object."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.retrieve(request, *args, **kwargs)


class SigningMixin(ApiView):
    """A view by which a person signs a licence, in the field ``signature``."""

    input_serializer_class: type[Input] | None = SignedInput

    @property
    def signature(self) -> Signature:
        return self.as_signed(self.validated_data["signature"])

    def as_signed(self, signed: Mapping[str, Any]) -> Signature:
        """Return a validated signature as made from the caller's address."""
        return Signature(
            text_sha256=signed["text_sha256"],
            typed_name=signed["typed_name"],
            capacity=signed["capacity"],
            entity=signed.get("entity", ""),
            attestations=frozenset(signed["attestations"]),
            ip=client_ip(self.request._request),
        )
