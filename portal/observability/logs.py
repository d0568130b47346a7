"""Format the log: each line with its request's id, and no secret in any.

What looks like a token or a link's signature is blotted out.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Any

from structlog.processors import JSONRenderer, format_exc_info
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, WrappedLogger

from portal.observability.private_words import formatted, may_quote, without_words
from portal.observability.request_ids import http_request_id

# What follows one of these in an address opens something. nginx's log is masked by the same list.
SECRET_PATHS = (
    "/-/d/c/",
    "/-/d/",
    "/-/u/",
    "/accounts/confirm-email/",
    "/accounts/password/reset/key/",
    "/affiliations/prove/",
    "/inbox/address/",
    "/invitations/",
    "/references/",
)
BASIC = r"(?<=Basic )[0-9A-Za-z+/=_-]{8,}"  # a token, encoded
REFUSED_ROW = r"(?<=Failing row contains )\((?s:.*?)\)\.?(?=\n|$)"  # PostgreSQL quotes its columns
SECRETS = re.compile(
    "|".join(
        [
            r"wg_[0-9A-Za-z]{8,}",
            BASIC,
            REFUSED_ROW,
            *(rf"(?<={path})[^/\s\"']+" for path in SECRET_PATHS),
        ]
    )
)
NOBODYS = "-"


def redact(text: str) -> str:
    """Replace secrets in a text by ***."""
    return SECRETS.sub("***", text)


class SeldomHeard(logging.Filter):
    """A filter that lets through a line of each level a minute of what these loggers say.

    A library that tries again by itself says so each time, while the first line tells all.
    """

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(name)
        self._seconds = seconds
        self._last: dict[int, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not super().filter(record):
            return True
        last = self._last.get(record.levelno)
        if last is not None and 0 <= record.created - last < self._seconds:
            return False
        self._last[record.levelno] = record.created
        return True


def formatter(kind: str) -> logging.Formatter:
    """Make the log's formatter: ``line`` for people to read, ``json`` for programs.

    Secrets are blotted out here, where a message, its traceback and whatever else a record holds
    have become text; a filter sees the message alone.
    """
    render = JSONRenderer() if kind == "json" else _line
    return ProcessorFormatter(processors=[_unquoted, format_exc_info, _entry, _redacted, render])


def request_id_of(record: logging.LogRecord) -> str:
    """Return the id of the HTTP request that a record belongs to; "" where it has none.

    The engine's thread serves many requests at once, so its lines about one name that one. A worker
    begins the ids that it gives the engine with the HTTP request's (``workers.runs``).
    """
    engine_id: str = getattr(record, "engine_request_id", "")
    http_id, slash, _ = engine_id.partition("/")
    return http_request_id() or (http_id if slash else "")


def _unquoted(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Drop the words of an error that may quote a prompt."""
    error = error_of(event.get("exc_info"))
    if error is not None and may_quote(error):
        del event["exc_info"]
        event["exception"] = formatted(error)
        event["event"] = without_words(str(event["event"]), error)
    return event


def error_of(exc_info: Any) -> BaseException | None:
    """Return the error of a record's ``exc_info``, which is a tuple where there is one."""
    return exc_info[1] if isinstance(exc_info, tuple) else None


def _entry(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Make the fields of a line, all of them text."""
    record: logging.LogRecord = event["_record"]
    entry: EventDict = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "logger": record.name,
        "request_id": request_id_of(record) or NOBODYS,
        "message": str(event["event"]),
    }
    for name, text in (("exception", event.get("exception")), ("stack", event.get("stack_info"))):
        if text:
            entry[name] = str(text)
    return entry


def _redacted(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    return {name: redact(text) for name, text in event.items()}


def _line(logger: WrappedLogger, method: str, event: EventDict) -> str:
    time = event["time"][:23].replace("T", " ").replace(".", ",")  # as logging writes it
    fields = (time, *(event[name] for name in ("level", "logger", "request_id", "message")))
    below = (event[name] for name in ("exception", "stack") if name in event)
    return "\n".join([" ".join(fields), *below])
