"""The OpenAPI description, read off the operations themselves."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers

from portal.accounts.models import Scope
from portal.api.base.operations import Operation, Who


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema describes our tokens."""

    target_class = "portal.accounts.tokens.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "wg_…"}


class ErrorBody(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Stable; for programs.")
    message = serializers.CharField(help_text="What to do, for people.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(), help_text="Each field that must change, with what to do."
    )
    help_url = serializers.CharField(allow_blank=True, help_text="The page to go to, or empty.")


class Problem(serializers.Serializer[Any]):
    """Every refusal has this form."""

    error = ErrorBody()


STATUSES = {
    400: "Something that was sent must change; `fields` names it.",
    401: "Nobody is signed in, and no valid token was sent.",
    403: "You may not, and `message` says why: a scope, a session, a conflict of interest.",
    404: "It isn’t there, or you may not know of it.",
    409: "It has moved on since, so this can’t be done; nothing was changed.",
    429: "Too often; wait as long as `Retry-After` says.",
}
WHO = {
    Who.ANYBODY: "Anybody may call it.",
    Who.PERSON: "Any token, or a session.",
    Who.SESSION: "A session only: no token does this.",
}


class Schema(AutoSchema):
    """Asks the view’s operation where DRF would guess."""

    @property
    def here(self) -> Operation:
        found: Operation = self.view.operations[self.method.lower()]  # type: ignore[attr-defined]
        return found

    def get_operation_id(self) -> str:
        return self.here.name

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/v1/").partition("/")[0]]

    def get_summary(self) -> str:
        return self.here.words.partition(". ")[0].rstrip(".:")

    def get_description(self) -> str:  # type: ignore[override]
        needs = self.here.needs
        scope = f"A session, or a token with the scope `{needs}`."
        who = scope if isinstance(needs, Scope) else WHO[needs]
        return f"{self.here.words}\n\n{who}"

    def get_auth(self) -> list[dict[str, list[str]]]:
        session: dict[str, list[str]] = {"cookieAuth": []}
        token: dict[str, list[str]] = {"token": []}
        if self.here.needs == Who.SESSION:
            return [session]
        return [token, session, *([{}] if self.here.needs == Who.ANYBODY else [])]

    def get_request_serializer(self) -> Any:
        return self.here.takes

    def get_filter_backends(self) -> list[Any]:
        return []

    def get_override_parameters(self) -> list[Any]:
        return [self.here.filters] if self.here.filters else []

    def _is_list_view(self, serializer: Any = None) -> bool:
        return self.here.is_list

    def _get_paginator(self) -> Any:
        from portal.api.base.endpoint import pages_of  # which shows this schema

        return pages_of(self.here) if self.here.is_list else None

    def get_response_serializers(self) -> Any:
        here = self.here
        gives = here.gives or OpenApiResponse(description="Done; nothing to tell.")
        told = {str(here.status): gives}
        refused = {str(each): self._refusal(each) for each in self._statuses()}
        return {**told, **refused}

    def _statuses(self) -> list[int]:
        here, writes = self.here, self.method != "GET"
        found = {401} if here.needs != Who.ANYBODY else set()
        found |= {400} if here.takes or here.filters or here.is_list else set()
        found |= {403} if isinstance(here.needs, Scope) or here.needs == Who.SESSION else set()
        found |= {404} if "{" in self.path or here.is_list else set()
        found |= {409, 429} if writes else set()
        return sorted(found | set(here.errors))

    def _refusal(self, status: int) -> OpenApiResponse:
        return OpenApiResponse(Problem, description=STATUSES[status])

    def get_examples(self) -> list[OpenApiExample]:
        if self.here.example is None:
            return []
        return [OpenApiExample("What to send", value=self.here.example, request_only=True)]
