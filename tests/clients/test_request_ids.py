"""The demo's own processes: one search through their logs finds what became of a request."""

from __future__ import annotations

import re

import openai
import pytest

from tests.waiting import wait_until

pytestmark = [
    pytest.mark.clients,
    pytest.mark.xdist_group("live"),
    pytest.mark.timeout(600),
]
LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ (?P<logger>\S+) (?P<id>-|[0-9a-f]{16}) "
)


def found(live, part, request_id):
    """Return the loggers of the lines of a process that a search finds."""
    lines = (live.var / "logs" / f"{part}.log").read_text().splitlines()
    matches = [LINE.match(line) for line in lines if request_id in line]
    return [match["logger"] for match in matches if match and match["id"] == request_id]


def test_a_completion_is_found_in_the_logs_of_web_and_worker(live):
    client = openai.OpenAI(
        base_url=f"{live.base_url}/v1", api_key=live.account("approved")["token"], timeout=120
    )
    answer = client.completions.with_raw_response.create(
        model=live.demo["hosted_model"], prompt="def main(", max_tokens=3
    )
    request_id = answer.headers["x-request-id"]
    assert found(live, "web", request_id) == ["portal.jobs.services.submission"]
    expected = {"workers.generate", "portal.jobs.services.running"}
    wait_until(lambda: set(found(live, "worker", request_id)) >= expected, 30, "the worker's lines")


def test_the_servers_own_lines_are_in_the_same_form(live):
    log = (live.var / "logs" / "web.log").read_text().splitlines()
    assert [line for line in log if "Uvicorn running" in line]
    assert all(LINE.match(line) for line in log if "vicorn" in line or "server process" in line)
