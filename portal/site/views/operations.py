"""Health, readiness and metrics, for those who run the portal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import OperationalError, ProgrammingError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis import Redis, RedisError

from portal.catalog.models import Blob
from portal.database.refusals import NO_RIGHTS, lacks_rights
from portal.jobs.services import unserved_repos
from portal.process_commands import setup_command
from portal.site.operations.metrics import registry
from portal.site.operations.scraping import may_scrape
from portal.storage import blob_store


def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that the process is alive."""
    return JsonResponse({"status": "ok"})


OK, DEGRADED = "ok", "degraded"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return OK


def _broker() -> str:
    with Redis.from_url(settings.REDIS_URL, socket_timeout=2) as broker:
        broker.ping()
    return OK


def _storage() -> str:
    sample = Blob.objects.first()
    if sample is not None and not blob_store().has(sample.sha256):
        return "a blob is missing: its row exists, but the store has no such object"
    return OK


def _workers() -> str:
    missing = unserved_repos(timezone.now())
    names = ["a private model" if lack.repo.private else lack.repo.full_name for lack in missing]
    if not names:
        return OK
    words = f"no live worker for {', '.join(names)}"
    if any(not lack.awaited for lack in missing):
        return words
    if any(lack.failure for lack in missing):
        return f"{DEGRADED}: {words}, which can’t be loaded; prompts are refused"
    return f"{DEGRADED}: {words} at present; prompts wait"


CHECKS: dict[str, tuple[Callable[[], str], tuple[str, ...]]] = {
    "database": (_database, ()),
    "broker": (_broker, ()),
    "storage": (_storage, ("database",)),
    "workers": (_workers, ("database", "broker")),
}
"""Each part's check, and the parts that it asks itself."""


def _checked(check: Callable[[], str]) -> str:
    try:
        return check()
    except ProgrammingError as error:
        if lacks_rights(error):
            return NO_RIGHTS
        return f"its tables are missing: run {setup_command()}, or migrate"
    except (OperationalError, RedisError, OSError) as error:
        return f"{type(error).__name__}: not reachable"


def readyz(request: HttpRequest) -> HttpResponse:
    """Check every part that a request may need; answer 503 and name those that are away.

    Where all that is missing is a worker that served until a short while ago, requests succeed,
    and take longer: that is ready, but degraded. What asks a part that is away isn't checked: it
    would wait for the same once more.
    """
    parts: dict[str, str] = {}
    for name, (check, needs) in CHECKS.items():
        away = [part for part in needs if parts[part] != OK]
        parts[name] = f"not checked without the {away[0]}" if away else _checked(check)
    degraded = any(state.startswith(DEGRADED) for state in parts.values())
    ready = all(state == OK or state.startswith(DEGRADED) for state in parts.values())
    body: dict[str, Any] = {"ready": ready, "degraded": degraded, "parts": parts}
    return JsonResponse(body, status=200 if ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Serve the metrics to Prometheus, and to nobody else but operators."""
    if not may_scrape(request):
        raise Http404
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
