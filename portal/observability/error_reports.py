"""Reports of errors to a Sentry server of the lab's choice: what broke and where, and no person's.

Loaded only where ``WEIGHTGATE_SENTRY_DSN`` is set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sentry_sdk
from django.core.exceptions import ImproperlyConfigured
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.integrations.threading import ThreadingIntegration
from sentry_sdk.utils import BadDsn

from portal.observability.logs import NOBODYS, error_of, redact, request_id_of
from portal.observability.private_words import HIDDEN, may_quote
from portal.observability.request_ids import http_request_id

if TYPE_CHECKING:
    from sentry_sdk.types import Breadcrumb, BreadcrumbHint, Event, Hint

KEPT_OF_A_REQUEST = ("method", "url")  # no body, cookies, headers, query or environment


def start_reporting(dsn: str) -> None:
    """Send errors to ``dsn`` from now on, and nothing else. Raises ImproperlyConfigured."""
    try:
        sentry_sdk.init(
            dsn=dsn,
            before_send=_sealed,
            before_breadcrumb=_words_alone,
            # Named one by one: others would send command lines, queries and outgoing requests.
            default_integrations=False,
            integrations=[
                AtexitIntegration(callback=lambda pending, timeout: None),
                CeleryIntegration(propagate_traces=False),
                DedupeIntegration(),
                DjangoIntegration(signals_spans=False),
                ExcepthookIntegration(),
                LoggingIntegration(),
                ThreadingIntegration(),
            ],
            send_default_pii=False,
            include_local_variables=False,
            max_request_body_size="never",
            auto_session_tracking=False,
            send_client_reports=False,
            enable_metrics=False,
        )
    except BadDsn as error:
        raise ImproperlyConfigured(
            f"WEIGHTGATE_SENTRY_DSN can’t be read ({error}). Copy the DSN from your project’s "
            "settings in Sentry, or leave it empty."
        ) from None


def _sealed(event: Event, hint: Hint) -> Event:
    """Name the request that a report belongs to, and drop or blot out what it may not hold."""
    record = hint.get("log_record")
    request_id = request_id_of(record) if record else http_request_id()
    event["tags"] = {**event.get("tags", {}), "request_id": request_id or NOBODYS}
    error = error_of(hint.get("exc_info"))
    if error is not None and may_quote(error):
        _drop_words(event)
    for name in ("extra", "user"):
        event.pop(name, None)  # type: ignore[misc]
    if request := event.get("request"):
        event["request"] = {name: request[name] for name in KEPT_OF_A_REQUEST if name in request}
    sealed: Event = _redacted(event)
    return sealed


def _drop_words(event: Event) -> None:
    """Leave each error's kind and place, and of the log line what stands in the code."""
    for exception in event.get("exception", {}).get("values", []):
        exception["value"] = HIDDEN
    if line := event.get("logentry"):
        event["logentry"] = {"message": line.get("message", "")}


def _words_alone(crumb: Breadcrumb, hint: BreadcrumbHint) -> Breadcrumb:
    """Keep the text of a breadcrumb alone: Django adds the request to it, address and all."""
    return {name: value for name, value in crumb.items() if name != "data"}


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {name: _redacted(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(item) for item in value]
    return value
