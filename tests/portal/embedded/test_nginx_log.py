"""nginx's log has the path of each request, without any secret that the path holds."""

from __future__ import annotations

import http.client
import json
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory

from portal.embedded import nginx
from portal.embedded.errors import EmbeddedError
from portal.errors import TooLarge
from portal.observability.logs import SECRET_PATHS
from portal.surfaces.answers import ANSWERS
from portal.surfaces.surface import surface_of
from tests.waiting import wait_until

SECRET = "SECRET-x:y_z"
REQUEST_ID = "0123456789abcdef"


class Pages(BaseHTTPRequestHandler):
    """Answers as the portal does behind nginx: a signed link leads to the blob."""

    def do_GET(self) -> None:
        self.send_response(200 if "/-/d/" in self.path else 404)
        if "/-/d/" in self.path:
            within = "ranged/ab/blob" if "ranged" in self.path else "ab/blob"
            self.send_header("X-Accel-Redirect", f"{nginx.PROTECTED}{within}")
        self.send_header("Referrer-Policy", "same-origin")
        self.send_header("X-Request-Id", REQUEST_ID)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def address_string(self) -> str:
        return "nginx"

    def log_message(self, *args: Any) -> None:
        pass


class Listening(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@pytest.fixture
def front(var: Path) -> Iterator[tuple[int, Path]]:
    """Run nginx with the portal's own configuration; yield its port and the folder of its logs."""
    try:
        nginx.program()
    except EmbeddedError as error:
        pytest.skip(str(error))
    for name in ("logs", "blobs/ab"):
        (var / name).mkdir(parents=True)
    (var / "blobs/ab/blob").write_text("bytes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = nginx.write_config(
        var=var,
        port=port,
        pages=var / "pages.sock",
        streams=var / "nobody.sock",
        inner=(inner := var / "bytes.sock"),
        blobs=var / "blobs",
        max_downloads=64,
    )
    with Listening(str(var / "pages.sock"), Pages) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        running = subprocess.Popen(nginx.command(config, var / "logs" / "nginx.log", inner))
        try:
            wait_until(lambda: _answers(port))
            yield port, var / "logs"
        finally:
            running.terminate()
            running.wait()
            pages.shutdown()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int, path: str, referrer: str = "") -> int:
    return answer(port, path, referrer).status


def answer(port: int, path: str, referrer: str = "") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Referer": referrer} if referrer else {})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def logged(logs: Path, lines: int) -> str:
    wait_until(lambda: (logs / "access.log").read_text().count("\n") >= lines)
    return "".join(log.read_text() for log in logs.iterdir())


def test_each_link_is_masked_however_it_is_spelt(front):
    port, logs = front
    spelt = [
        form
        for path in SECRET_PATHS
        for form in (
            f"{path}{SECRET}",
            f"{path}{SECRET}/model.safetensors?next={SECRET}",
            f"/{path}{SECRET}",
            path.replace("e", "%65").replace("d", "%64") + SECRET,
        )
    ]
    for path_spelt in spelt:
        ask(port, path_spelt, referrer=f"http://x{SECRET_PATHS[0]}{SECRET}")
    written = logged(logs, len(spelt))
    assert "SECRET" not in written
    for path in SECRET_PATHS:
        assert f'"GET {path}***" ' in written


def test_bytes_that_a_signed_link_led_to_are_logged_under_the_masked_link(front):
    port, logs = front
    assert ask(port, f"/-/d/{SECRET}/model.safetensors") == 200
    written = logged(logs, 1)
    assert '"GET /-/d/***" 200 5 ' in written
    assert "SECRET" not in written


@pytest.mark.parametrize("path", ["/lab/model", "/-/d/whole/blob", "/-/d/ranged/blob"])
def test_a_line_ends_with_the_id_that_the_client_was_shown(front, path):
    port, logs = front
    assert answer(port, path).headers.get_all("X-Request-Id") == [REQUEST_ID]
    assert any(line.endswith(f" {REQUEST_ID}") for line in logged(logs, 1).splitlines())


def test_any_other_path_stands_in_full_without_its_query(front):
    port, logs = front
    assert ask(port, "/lab/model?q=a-name") == 404
    written = logged(logs, 1)
    assert '"GET /lab/model" 404 ' in written
    assert "a-name" not in written


def test_a_failure_behind_nginx_writes_no_secret_either(front):
    port, logs = front
    (logs.parent / "blobs/ab/blob").unlink()
    assert ask(port, f"/-/d/{SECRET}/model.safetensors") == 404
    (logs.parent / "pages.sock").unlink()
    assert {ask(port, f"{path}{SECRET}") for path in SECRET_PATHS} == {503}
    assert ask(port, "/lab/model") == 503
    written = logged(logs, len(SECRET_PATHS) + 2)
    assert "SECRET" not in written
    assert "/lab/model" in (logs / "nginx.log").read_text(), "other failures are still told"


@pytest.mark.parametrize("path", ["/api/v1/requests/", "/v1/completions", "/api/validate-yaml"])
def test_a_body_over_the_limit_is_refused_in_the_surfaces_own_form(front, path):
    port, _ = front
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("POST", path)
    connection.putheader("Content-Length", str(257 << 20))
    connection.endheaders()
    response = connection.getresponse()
    assert (response.status, response.headers["Content-Type"]) == (413, "application/json")
    request = RequestFactory().post(path)
    error = TooLarge(response.headers["X-Error-Message"])
    assert json.loads(response.read()) == json.loads(
        ANSWERS[surface_of(request)](error, request).content
    )


def test_no_page_behind_such_a_link_is_quoted_by_the_request_after_it(front):
    port, _ = front
    for path in set(SECRET_PATHS) - {"/-/d/", "/-/d/c/", "/-/u/"}:  # those are files
        assert answer(port, f"{path}{SECRET}").headers.get_all("Referrer-Policy") == [
            "strict-origin"
        ]
