"""The OpenAPI description, read off the views."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers

from portal.api.base.permissions import AllowAny, HasScope, IsSession
from portal.api.base.views import ApiListView, ApiView


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The description of our tokens in the schema."""

    target_class = "portal.accounts.tokens.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "wg_…"}


class ErrorBody(serializers.Serializer[Any]):
    """The error of a refusal, for programs and for people."""

    code = serializers.CharField(help_text="Stable; for programs.")
    message = serializers.CharField(help_text="What to do, for people.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(), help_text="Each field that must change, with what to do."
    )
    help_url = serializers.CharField(allow_blank=True, help_text="The page to go to, or empty.")


class Problem(serializers.Serializer[Any]):
    """The form of every refusal."""

    error = ErrorBody()


STATUSES = {
    400: "Something that was sent must change; `fields` names it.",
    401: "Nobody is signed in, and no valid token was sent.",
    403: "You may not, and `message` says why: a scope, a session, a conflict of interest.",
    404: "It doesn’t exist, or you may not know of it.",
    409: "Its state has changed, so this can’t be done; nothing was changed.",
    429: "Too often; wait as long as `Retry-After` says.",
}


def refusal(status: int) -> OpenApiResponse:
    """Return the description of a refusal with this status."""
    return OpenApiResponse(Problem, description=STATUSES[status])


def example(**body: Any) -> list[OpenApiExample]:
    """Return the examples of an operation that is sent this body."""
    return [OpenApiExample("What to send", value=body, request_only=True)]


class ApiSchema(AutoSchema):
    """A description of one operation of an ``ApiView``.

    The docstring of the method, or else of the view, describes the operation to the API's users.
    """

    @property
    def api_view(self) -> ApiView:
        return cast("ApiView", self.view)

    @property
    def permission(self) -> Any:
        (permission,) = self.api_view.get_permissions()
        return permission

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/v1/").partition("/")[0]]

    def get_summary(self) -> str:
        return self._words().partition(". ")[0].rstrip(".:")

    def get_description(self) -> str:  # type: ignore[override]
        return f"{self._words()}\n\n{self.permission.callers}"

    def _words(self) -> str:
        return " ".join(super().get_description().split())

    def get_auth(self) -> list[dict[str, list[str]]]:
        session: dict[str, list[str]] = {"cookieAuth": []}
        token: dict[str, list[str]] = {"token": []}
        if isinstance(self.permission, IsSession):
            return [session]
        return [token, session, *([{}] if isinstance(self.permission, AllowAny) else [])]

    def get_request_serializer(self) -> Any:
        return self.api_view.get_input_serializer_class()

    def get_override_parameters(self) -> list[Any]:
        filters = self.api_view.get_filter_serializer_class()
        return [filters] if filters else []

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        """Add the refusals that any operation of this kind may answer."""
        bodies = super()._get_response_bodies(direction)
        refusals = {
            str(status): self._get_response_for_code(  # type: ignore[no-untyped-call]
                refusal(status), str(status)
            )
            for status in self._refused_statuses()
        }
        return dict(sorted({**refusals, **bodies}.items()))

    def _refused_statuses(self) -> set[int]:
        view, permission = self.api_view, self.permission
        is_list = isinstance(view, ApiListView) and self.method == "GET"
        is_checked = view.get_input_serializer_class() or view.get_filter_serializer_class()
        return {
            *({401} if not isinstance(permission, AllowAny) else ()),
            *({400} if is_checked or is_list else ()),
            *({403} if isinstance(permission, (HasScope, IsSession)) else ()),
            *({404} if "{" in self.path or is_list else ()),
            *({409, 429} if self.method != "GET" else ()),
        }
