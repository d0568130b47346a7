"""Refusals as the Hub's clients read them."""

from __future__ import annotations

from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from portal.access.errors import Refused
from portal.access.policy.permissions import Reason
from portal.accounts.errors import UnknownToken
from portal.accounts.tokens.authentication import bearer_secret
from portal.catalog.errors import EntryNotFound, RepoExists, RepoNotFound, RevisionNotFound
from portal.delivery.errors import DownloadLimitReached
from portal.errors import DomainError
from portal.surfaces.headers import ascii_line, with_retry_after

BAD_CREDENTIALS = "Invalid credentials in Authorization header"  # the Hub's clients compare it


def _is_anonymous(request: HttpRequest) -> bool:
    return bearer_secret(request) is None


def _hub_code(error: DomainError) -> str | None:
    if isinstance(error, Refused):
        codes = {Reason.NOT_FOUND: "RepoNotFound", Reason.NOT_TEAM: None}
        return codes.get(error.refusal.reason, "GatedRepo")
    codes_by_error = {
        RepoNotFound: "RepoNotFound",
        RevisionNotFound: "RevisionNotFound",
        EntryNotFound: "EntryNotFound",
    }
    return next((code for kind, code in codes_by_error.items() if isinstance(error, kind)), None)


def _hub_status(error: DomainError, code: str | None, request: HttpRequest) -> HTTPStatus:
    # The Hub answers 401 to callers without a token, and clients word their advice by that.
    if code in ("RepoNotFound", "GatedRepo") and _is_anonymous(request):
        return HTTPStatus.UNAUTHORIZED
    return HTTPStatus.NOT_FOUND if code == "RepoNotFound" else error.status


def hub_answer(error: DomainError, request: HttpRequest) -> HttpResponse:
    """Answer a client of the Hub, which chooses its exception by these headers, not by the body."""
    reason = line = error.refusal.line if isinstance(error, Refused) else error.message
    if isinstance(error, UnknownToken):
        line = BAD_CREDENTIALS
    code = _hub_code(error)
    if code == "GatedRepo" and isinstance(error, Refused):
        line = (
            f"Access to model {error.refusal.repo_name} is restricted and you are not in the "
            f"authorized list. {line}"
        )
    content = {"error": line}
    if isinstance(error, RepoExists):  # clients called with exist_ok=True go on from here
        content["url"] = f"{settings.BASE_URL}/{error.full_name}"
    response = JsonResponse(content, status=_hub_status(error, code, request))
    response["X-Error-Message"] = ascii_line(line)
    if code:
        response["X-Error-Code"] = code
    if code == "GatedRepo":
        # For this code the command line shows words of its own, but it prints a warning as it is.
        response["X-HF-Warning"] = f"access; {ascii_line(reason)}"
    if isinstance(error, DownloadLimitReached):
        response["RateLimit"] = f'"{error.resource}";r=0;t={error.retry_after_seconds}'
    if commit := getattr(error, "commit", ""):
        response["X-Repo-Commit"] = commit
    return with_retry_after(response, error)
