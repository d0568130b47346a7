"""What opens something stands in no log line."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from portal.logs import SECRET_PATHS, RedactSecrets


@pytest.mark.parametrize(
    "line",
    [
        "Not Found: /-/d/SECRET:1abc:def/model.safetensors",
        "Forbidden: /-/u/SECRET:1abc:def/verify",
        "Forbidden: /accounts/password/reset/key/SECRET-abc/",
        "Gone: /accounts/confirm-email/SECRET:x:y/",
        "Conflict: /references/SECRET-x_y",
        "Not Found: /affiliations/prove/SECRET:x:y",
        "Not Found: /inbox/address/SECRET:x:y",
        "sent wg_SECRET123456",
        "sent hf_wg_SECRET123456",
        "Authorization: Basic SECRETabcd==",
    ],
)
def test_a_secret_is_blotted_out(line):
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "%s", (line,), None)
    assert RedactSecrets().filter(record)
    assert "SECRET" not in record.getMessage()
    assert "***" in record.getMessage()


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
