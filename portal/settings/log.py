"""The log, and error reports."""

from __future__ import annotations

from portal import env

LOG_FORMAT = env.choice("WEIGHTGATE_LOG_FORMAT", "line", ("line", "json"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"log": {"()": "portal.observability.logs.formatter", "kind": LOG_FORMAT}},
    "filters": {
        "traces": {
            "()": "portal.observability.logs.SeldomHeard",
            "name": "opentelemetry",
            "seconds": 60,
        }
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "log", "filters": ["traces"]}
    },
    "root": {"handlers": ["console"], "level": env.text("WEIGHTGATE_LOG_LEVEL", "INFO")},
    "loggers": {
        "django.db.backends": {"level": "INFO"},  # below it are statements, with what they store
        "httpx2": {"level": "WARNING"},  # a line for each request to vLLM
        # both would tell the letters of a signer's name
        "fontTools": {"level": "WARNING"},
        "fpdf": {"level": "ERROR"},
        # in place of the servers' own handlers, which know no request and blot no secret out
        "uvicorn.error": {"handlers": ["console"], "propagate": False},
        "gunicorn.error": {"handlers": ["console"], "propagate": False},
    },
}
DEFAULT_EXCEPTION_REPORTER_FILTER = "portal.observability.debug_pages.PrivateReporterFilter"
SENTRY_DSN = env.text("WEIGHTGATE_SENTRY_DSN")
if SENTRY_DSN:
    from portal.observability.error_reports import (
        start_reporting,  # sentry-sdk is loaded for this alone
    )

    start_reporting(SENTRY_DSN)
OTLP_ENDPOINT = env.text("OTEL_EXPORTER_OTLP_ENDPOINT")
if OTLP_ENDPOINT:
    from portal.observability.traces import tracing

    tracing.start()
