"""Health, readiness and metrics, for those who run the portal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis import Redis, RedisError

from portal.accounts.models import Scope
from portal.accounts.tokens.authentication import bearer_secret, session_caller, token_caller
from portal.catalog.models import Blob, ModelRepo
from portal.jobs.services import live_workers
from portal.site.operations.metrics import registry
from portal.storage import blob_store


def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that the process is alive."""
    return JsonResponse({"status": "ok"})


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _broker() -> str:
    with Redis.from_url(settings.REDIS_URL, socket_timeout=2) as broker:
        broker.ping()
    return "ok"


def _storage() -> str:
    sample = Blob.objects.first()
    if sample is not None and not blob_store().has(sample.sha256):
        return "a blob is missing: its row exists, but the store has no such object"
    return "ok"


def _workers() -> str:
    alive = live_workers()
    hosted = ModelRepo.objects.filter(hosted=True).with_names()
    missing = [repo for repo in hosted if repo.pk not in alive]
    names = ["a private model" if repo.private else repo.full_name for repo in missing]
    return f"no live worker for {', '.join(names)}" if names else "ok"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "broker": _broker,
    "storage": _storage,
    "workers": _workers,
}


def _checked(check: Callable[[], str]) -> str:
    try:
        return check()
    except (OperationalError, RedisError, OSError) as error:
        return f"{type(error).__name__}: not reachable"


def readyz(request: HttpRequest) -> HttpResponse:
    """Check every part that a request may need; answer 503 and name those that are away."""
    parts = {name: _checked(check) for name, check in CHECKS.items()}
    ready = all(state == "ok" for state in parts.values())
    body: dict[str, Any] = {"ready": ready, "parts": parts}
    return JsonResponse(body, status=200 if ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Serve the metrics to Prometheus; they are counted from the rows, so they survive restarts."""
    if not _may_scrape(request):
        raise Http404
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_scrape(request: HttpRequest) -> bool:
    """Tell whether this is the scraper by its token, or an operator."""
    secret = bearer_secret(request) or ""
    expected = settings.METRICS_TOKEN
    if expected and constant_time_compare(secret, expected):
        return True
    has_token = "Authorization" in request.headers
    caller = token_caller(request) if has_token else session_caller(request)
    scoped = caller.token is None or Scope.ADMIN in caller.token.scopes
    return scoped and caller.person is not None and caller.person.is_superuser
