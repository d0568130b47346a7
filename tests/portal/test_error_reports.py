"""Error reports hold no secret and no person, read at the Sentry server that gets them."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# Everything that a report might carry, in one request: it fails with a secret in its hands.
SCRIPT = """
import django, json, sys
django.setup()
from django.conf import settings
settings.ROOT_URLCONF = "tests.portal.request_id_views"
settings.MIDDLEWARE = ["portal.observability.request_ids.RequestIdMiddleware"]
settings.ALLOWED_HOSTS = ["*"]
from portal.wsgi import application
from django.test import RequestFactory
asked = RequestFactory().post(
    "/references/SECRET123456?q=TYPED",
    json.dumps({"reason": "TYPED in a body"}),
    "application/json",
    headers={
        "Authorization": "Bearer wg_SECRET123456",
        "Cookie": "sessionid=TYPED",
        "X-Typed": "TYPED in a header",
        "X-Forwarded-For": "198.51.100.7",
    },
)
shown = {}
response = application(asked.environ, lambda status, headers: shown.update(headers))
response.close()
print(json.dumps([shown["X-Request-Id"], "sentry_sdk" in sys.modules]))
if "sentry_sdk" in sys.modules:
    sys.modules["sentry_sdk"].flush(10)
"""


class Sentry(HTTPServer):
    """A server that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiving)
        self.bodies: list[str] = []

    def events(self) -> list[dict[str, Any]]:
        """Read the events of the envelopes: a header line each, then items after their headers."""
        lines = [json.loads(line) for body in self.bodies for line in body.splitlines()]
        return [line for line in lines if "event_id" in line and "platform" in line]


class Receiving(BaseHTTPRequestHandler):
    server: Sentry

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        packed = self.headers.get("Content-Encoding") == "gzip"
        self.server.bodies.append((gzip.decompress(body) if packed else body).decode())
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    with Sentry() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def answered(dsn: str) -> tuple[str, bool]:
    """Return the id that the failing answer showed, and whether the SDK was loaded for it."""
    environment = os.environ | {
        "WEIGHTGATE_SENTRY_DSN": dsn,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    request_id, loaded = json.loads(ran.stdout)
    return request_id, loaded


def test_a_report_says_what_broke_where_and_nothing_of_whose_it_was(sentry):
    request_id, _ = answered(f"http://key@127.0.0.1:{sentry.server_port}/1")
    [event] = sentry.events()
    assert event["tags"]["request_id"] == request_id
    assert event["exception"]["values"][-1]["type"] == "ZeroDivisionError"
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert frames[-1]["function"] == "broken_link"
    assert not any("vars" in frame for frame in frames)
    assert event["request"] == {"method": "POST", "url": "http://testserver/references/***"}
    sent = "".join(sentry.bodies)
    assert not [word for word in ("TYPED", "SECRET", "198.51.100.7") if word in sent]


def test_nothing_is_loaded_or_sent_where_none_is_set(sentry):
    assert answered("")[1] is False
    assert not sentry.bodies


def test_a_dsn_that_cannot_be_read_stops_the_start_naming_it():
    with pytest.raises(AssertionError, match="WEIGHTGATE_SENTRY_DSN can’t be read"):
        answered("sentry.example.edu")
