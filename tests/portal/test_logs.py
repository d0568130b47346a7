"""Log lines hold no secret, and each can be searched and parsed."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from portal.observability.logs import SECRET_PATHS, SeldomHeard
from portal.observability.request_ids import bound_to
from tests.logged import logging_to

log = logging.getLogger(__name__)
SECRET_LINES = [
    "Not Found: /-/d/SECRET:1abc:def/model.safetensors",
    "Forbidden: /-/u/SECRET:1abc:def/verify",
    "Forbidden: /accounts/password/reset/key/SECRET-abc/",
    "Gone: /accounts/confirm-email/SECRET:x:y/",
    "Conflict: /references/SECRET-x_y",
    "Not Found: /affiliations/prove/SECRET:x:y",
    "Not Found: /inbox/address/SECRET:x:y",
    "Not Found: /invitations/SECRET",
    "sent wg_SECRET123456",
    "sent hf_wg_SECRET123456",
    "Authorization: Basic SECRETabcd==",
]
KINDS = ["line", "json"]


def in_the_message(line: str) -> None:
    log.warning(line)


def in_an_argument(line: str) -> None:
    log.warning("It said %s.", line)


def in_a_traceback(line: str) -> None:
    try:
        raise ValueError(line)
    except ValueError:
        log.exception("It failed")


def in_the_cause(line: str) -> None:
    try:
        try:
            raise ValueError(line)
        except ValueError as error:
            raise RuntimeError from error
    except RuntimeError:
        log.exception("It failed")


def in_a_note(line: str) -> None:
    try:
        error = ValueError()
        error.add_note(line)
        raise error
    except ValueError:
        log.exception("It failed")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "tell", [in_the_message, in_an_argument, in_a_traceback, in_the_cause, in_a_note]
)
@pytest.mark.parametrize("line", SECRET_LINES)
def test_a_secret_is_blotted_out_wherever_it_stands(line, tell, kind):
    with logging_to(kind) as written:
        tell(line)
    assert "SECRET" not in written.getvalue()
    assert "***" in written.getvalue()


@pytest.mark.parametrize("text", [*SECRET_LINES, 'a "quoted" wg_SECRET123456\n\tand /-/d/x"y\\'])
def test_what_a_program_reads_is_json_whatever_a_line_holds(text):
    with logging_to("json") as written:
        in_an_argument(text)
        in_a_traceback(text)
        log.warning("where", stack_info=True)
    told, failed, traced = written.entries()
    assert list(told) == ["time", "level", "logger", "request_id", "message"]
    assert (told["level"], told["logger"], told["request_id"]) == ("WARNING", __name__, "-")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", told["time"])
    assert failed["message"] == "It failed"
    assert failed["exception"].startswith("Traceback (most recent call last)")
    assert "test_logs.py" in traced["stack"]


def test_a_line_is_as_logging_writes_it_with_the_id_before_the_message():
    with logging_to("line") as written, bound_to("0123456789abcdef"):
        log.warning("It said %s.", "no")
        in_a_traceback("why")
    line, failed, *below = written.getvalue().splitlines()
    time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"
    assert re.fullmatch(rf"{time} WARNING {__name__} 0123456789abcdef It said no\.", line)
    assert failed.endswith("0123456789abcdef It failed")
    assert (below[0], below[-1]) == ("Traceback (most recent call last):", "ValueError: why")


OPENING = {"key", "secret", "signed"}


def routes(patterns: list[Any], before: str = "/") -> Iterator[tuple[str, set[str]]]:
    """Each address up to its first argument, with the names of its arguments."""
    for pattern in patterns:
        here = before + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, here)
        elif isinstance(pattern, URLPattern):
            yield re.split(r"[<(]", here)[0], set(pattern.pattern.regex.groupindex)


def test_each_address_that_opens_something_is_in_the_list():
    secret = {start for start, names in routes(get_resolver().url_patterns) if names & OPENING}
    assert secret == set(SECRET_PATHS)


def record_at(seconds: float, name: str, level: int) -> logging.LogRecord:
    record = logging.LogRecord(name, level, "", 0, "said", (), None)
    record.created = seconds
    return record


def test_a_library_that_tries_again_is_heard_once_a_minute_at_each_level():
    heard = SeldomHeard("opentelemetry", 60)
    exporter = "opentelemetry.exporter"
    said = [
        (0, exporter, logging.WARNING, True),
        (1, exporter, logging.WARNING, False),
        (1, exporter, logging.ERROR, True),
        (2, "portal", logging.WARNING, True),
        (2, "portal", logging.WARNING, True),
        (61, exporter, logging.WARNING, True),
    ]
    for seconds, name, level, passes in said:
        assert heard.filter(record_at(seconds, name, level)) is passes


def test_the_log_hears_traces_seldom():
    (console,) = settings.LOGGING["root"]["handlers"]
    assert "traces" in settings.LOGGING["handlers"][console]["filters"]
    assert settings.LOGGING["filters"]["traces"]["name"] == "opentelemetry"
