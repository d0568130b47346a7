"""The configuration that operators fill in: whole, valid, and saying what the portal says."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from portal.delivery.errors import TooManyDownloads
from portal.embedded import nginx, processes
from portal.embedded.errors import EmbeddedError
from portal.hub.uploads.large_bodies import answer_to_large_body
from portal.hub.uploads.streaming import LARGEST_BODY_BYTES
from portal.observability.logs import SECRET_PATHS
from tests.live import free_port
from tests.waiting import wait_until


def written(var: Path, *, port: int = 8000, max_downloads: int = 64) -> Path:
    (var / "logs").mkdir(exist_ok=True)
    return nginx.write_config(
        var=var,
        port=port,
        pages=var / "pages.sock",
        streams=var / "streams.sock",
        inner=var / "bytes.sock",
        blobs=var / "blobs",
        max_downloads=max_downloads,
    )


def test_every_name_is_explained_and_filled_in(var: Path):
    template = nginx.TEMPLATE.read_text()
    head = template.partition("worker_processes")[0]
    names = set(nginx.NAME.findall(template))
    assert names == set(re.findall(r"^#   ([A-Z_]+) ", head, re.MULTILINE))
    assert not nginx.NAME.search(written(var).read_text())


@pytest.mark.parametrize("max_downloads", [64, 0])
def test_nginx_takes_it(var: Path, max_downloads: int):
    try:
        program = nginx.program()
    except EmbeddedError as error:
        pytest.skip(str(error))
    config = written(var, max_downloads=max_downloads)
    command = [program, "-t", "-c", str(config), "-e", str(var / "logs" / "nginx.log")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_it_knows_the_portals_secret_paths(var: Path):
    text = written(var).read_text()
    assert re.findall(r"~\^(\S+) \1\*\*\*;", text) == list(SECRET_PATHS)
    assert f"location ~ ^({'|'.join(SECRET_PATHS)}) {{" in text


def test_one_download_too_many_is_refused_as_by_the_portal(var: Path):
    refusal = TooManyDownloads(64)
    text = written(var).read_text()
    assert f'"{refusal.message}"' in text
    assert f"""'"{refusal.resource}";r=0;t={refusal.retry_after_seconds}'""" in text
    assert f"Retry-After {refusal.retry_after_seconds} " in text


def sent_large(front: str, place: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(front.removeprefix("http://"), timeout=20)
    connection.putrequest("POST", place)
    connection.putheader("Content-Length", str(LARGEST_BODY_BYTES + 1))
    connection.endheaders()
    return connection.getresponse()


def test_an_upload_of_any_size_is_told_that_the_portal_is_away(front):
    answer = sent_large(front, "/-/u/abc")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    assert "can't be reached" in json.loads(answer.read())["error"]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("/v1/files", "Split it into several"),
        ("/v1/completions", "JSON"),
        ("/api/v1/requests/", "JSON"),
        ("/api/models/a/b/commit/main", "LFS"),
        ("/v2/a/b/blobs/uploads", "LFS"),
        ("/a/b.git/info/lfs", "LFS"),
        ("/requests/new/a/b", "256 MB"),
    ],
)
def test_a_body_too_large_is_refused_in_the_portals_words(front, place, words):
    answer = sent_large(front, place)
    refusal = answer_to_large_body(place)
    assert (answer.status, json.loads(answer.read())) == (413, json.loads(refusal.content))
    assert answer.headers["X-Error-Message"] == refusal.message
    assert words in refusal.message


def test_the_limit_of_bodies_is_the_portals(var: Path):
    text = written(var).read_text()
    assert f"client_max_body_size {LARGEST_BODY_BYTES >> 20}m;" in text


@pytest.mark.parametrize(
    ("place", "kind", "words"),
    [
        ("/", "text/html", "<h1>This can’t be done just now.</h1>"),
        ("/api/v1/requests/", "application/json", '"code": "service_away"'),
        ("/v1/completions", "application/json", '"type": "server_error"'),
        ("/a/b/resolve/main/x", "application/json", '"error": "The portal'),
    ],
)
def test_where_the_portal_is_away_each_is_told_in_its_form(front, place, kind, words):
    answer = httpx2.get(f"{front}{place}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert answer.headers["Content-Type"].startswith(kind)
    assert words in answer.text


@pytest.fixture(scope="module")
def front(tmp_path_factory) -> Iterator[str]:
    """Run an nginx with nothing behind it; yield its address."""
    try:
        nginx.program()
    except EmbeddedError as error:
        pytest.skip(str(error))
    var, port = tmp_path_factory.mktemp("front"), free_port()
    config = written(var, port=port)
    command = nginx.command(config, var / "logs" / "nginx.log", var / "bytes.sock")
    process = subprocess.Popen(command, preexec_fn=processes.preparation(signal.SIGTERM))
    try:
        wait_until(lambda: listens(port), 20, "nginx")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
