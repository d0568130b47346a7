"""Permissions of the API: who may call a view, by a session or by a token of which scope."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import permissions
from rest_framework.request import Request

from portal.accounts.models import Scope


class AllowAny(permissions.AllowAny):
    """A permission for everybody, signed in or not."""

    callers = "Anybody may call it."


class IsAuthenticated(permissions.IsAuthenticated):
    """A permission for whoever is signed in or sends a token, of whatever scope."""

    callers = "Any token, or a session."


class IsForAllModels(permissions.IsAuthenticated):
    """A permission to read what is of the person as a whole: not by a token for some models."""

    code = "scope"
    message = "This token is for some models alone. Make one for all that you may use."
    callers = "Any token that is for all of one’s models, or a session."

    def has_permission(self, request: Request, view: Any) -> bool:
        token: Any = request.auth
        is_wide = token is None or token.repo_ids is None
        return super().has_permission(request, view) and is_wide


class IsSession(permissions.IsAuthenticated):
    """A permission for sessions alone.

    What binds a person is done by the person, not by a program that holds a token.
    """

    code = "session_only"
    message = (
        "No token does this: it binds you as a person. Sign in, and send the session’s cookie "
        "with its CSRF token."
    )
    callers = "A session only: no token does this."

    def has_permission(self, request: Request, view: Any) -> bool:
        return super().has_permission(request, view) and request.auth is None


class HasScope(permissions.IsAuthenticated):
    """A permission for sessions, and for tokens with a scope that a subclass names."""

    code = "scope"
    scope: ClassVar[Scope]

    @property
    def message(self) -> str:
        return f"This token lacks the scope “{self.scope}”. Make one that has it."

    @property
    def callers(self) -> str:
        return f"A session, or a token with the scope `{self.scope}`."

    def has_permission(self, request: Request, view: Any) -> bool:
        is_authenticated = super().has_permission(request, view)
        token: Any = request.auth
        return is_authenticated and (token is None or self.scope in token.scopes)


class HasReviewScope(HasScope):
    """A permission for reviewing requests."""

    scope = Scope.REVIEW


class HasAdminScope(HasScope):
    """A permission for administering gates and grants."""

    scope = Scope.ADMIN


class HasPublishScope(HasScope):
    """A permission for publishing models and licences."""

    scope = Scope.PUBLISH


class HasInferScope(HasScope):
    """A permission for prompting hosted models."""

    scope = Scope.INFER
