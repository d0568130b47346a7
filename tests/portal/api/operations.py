"""The operations of the API, as its views declare them, for tests that try every one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from http import HTTPMethod
from typing import Any

from django.urls import URLPattern, reverse
from rest_framework.test import APIRequestFactory

from portal.api.base.permissions import AllowAny, HasScope, IsSession
from portal.api.base.views import ApiView
from portal.api.urls import urlpatterns

METHODS = [HTTPMethod.GET, HTTPMethod.POST, HTTPMethod.PUT, HTTPMethod.PATCH, HTTPMethod.DELETE]
WORDS = {"namespace": "no", "name": "model", "slug": "none", "version": "1", "other": "2"}
STRANGE_ID = 999_999
# What the operations on one's own request do; those on a case say it themselves.
OWN_ACTIONS = {
    "show_request": "read",
    "save_request": "save",
    "discard_request": "discard",
    "submit": "submit",
    "answer": "answer",
    "correct": "correct",
    "withdraw": "withdraw",
    "resume": "resume",
    "appeal": "appeal",
}


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    url_name: str
    route: str
    arguments: tuple[str, ...]
    view_class: type[ApiView]
    method: str  # in lower case, as a client's methods are called

    def __str__(self) -> str:
        return f"{self.method}-{self.url_name}"

    @property
    def url(self) -> str:
        kwargs = {argument: WORDS.get(argument, STRANGE_ID) for argument in self.arguments}
        return reverse(f"api:{self.url_name}", kwargs=kwargs)

    @cached_property
    def view(self) -> ApiView:
        view = self.view_class()
        view.args, view.kwargs = (), {}
        view.request = APIRequestFactory().generic(self.method.upper(), "/")
        return view

    @cached_property
    def schema(self) -> Any:
        """Return the description that ``extend_schema`` gave this method."""
        schema = getattr(self.view_class, self.method).kwargs["schema"]()
        schema.view, schema.method = self.view, self.method.upper()
        return schema

    @property
    def id(self) -> str:
        return str(self.schema.get_operation_id())

    @property
    def example(self) -> dict[str, Any]:
        examples = self.schema.get_examples()
        return dict(examples[0].value) if examples else {}

    @property
    def input(self) -> Any:
        serializer_class = self.view.get_input_serializer_class()
        return serializer_class() if serializer_class else None

    @property
    def permission(self) -> Any:
        (permission,) = self.view.get_permissions()
        return permission

    @property
    def is_open(self) -> bool:
        return isinstance(self.permission, AllowAny)

    @property
    def takes_session(self) -> bool:
        return isinstance(self.permission, IsSession)

    @property
    def scope(self) -> str | None:
        return self.permission.scope if isinstance(self.permission, HasScope) else None

    @property
    def action(self) -> str | None:
        """Return the request action that it performs, by the table of actions."""
        of_case = getattr(self.view_class, "request_action", None)
        if of_case is not None and self.method == "post":
            return str(of_case)
        return OWN_ACTIONS.get(self.id)


def _operations() -> Iterator[Operation]:
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        view_class = getattr(pattern.callback, "cls", None)
        if view_class is None or not issubclass(view_class, ApiView):
            continue
        for method in METHODS:
            if hasattr(view_class, method.lower()):
                yield Operation(
                    str(pattern.name),
                    str(pattern.pattern),
                    tuple(pattern.pattern.converters),
                    view_class,
                    method.lower(),
                )


OPERATIONS = list(_operations())
