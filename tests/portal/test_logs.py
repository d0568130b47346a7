"""What opens something stands in no log line."""

from __future__ import annotations

import logging

import pytest

from portal.logs import RedactSecrets


@pytest.mark.parametrize(
    "line",
    [
        "Not Found: /-/d/SECRET:1abc:def/model.safetensors",
        "Forbidden: /accounts/password/reset/key/SECRET-abc/",
        "Gone: /accounts/confirm-email/SECRET:x:y/",
        "Conflict: /references/SECRET-x_y",
        "Not Found: /affiliations/prove/SECRET:x:y",
        "sent wg_SECRET123456",
    ],
)
def test_a_secret_is_blotted_out(line):
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "%s", (line,), None)
    assert RedactSecrets().filter(record)
    assert "SECRET" not in record.getMessage()
    assert "***" in record.getMessage()
