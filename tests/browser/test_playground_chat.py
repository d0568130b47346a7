"""One talks to a model in a browser: messages, its answer, a reply; with scripts and without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from portal.jobs.models import Job
from portal.jobs.streaming.event_log import ChoiceEvent
from portal.redis_client import redis_client
from tests.browser.checks import expect_open_to_all
from tests.browser.every_page.test_in_the_browser import context_of
from tests.factories.jobs import make_guest, make_hosted
from tests.factories.llamas import tiny_llama
from tests.portal.jobs.chat.conftest import answered

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),
]
JOB = re.compile(r"/playground/[0-9a-f-]{36}")


@pytest.fixture(scope="module", autouse=True)
def _beside_playwrights_loop() -> Iterator[None]:
    """Let Django use the database in this thread, in which Playwright's loop runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.mark.parametrize("scripts", [True, False])
def test_a_chat_goes_on(
    transactional_db: None,
    browser: Browser,
    live_server: LiveServer,
    tmp_path: Path,
    scripts: bool,
) -> None:
    redis_client().flushdb()
    talking = make_hosted(tiny_llama(tmp_path / "model"))
    guest = make_guest(talking)
    context = context_of(guest, browser, live_server.url, scripts=scripts)
    context.route("**/events*", lambda route: route.abort())  # streams are another server’s
    page = context.new_page()
    page.goto(f"{live_server.url}/playground")
    expect(page.get_by_role("navigation", name="Modes")).to_contain_text("Chat")
    page.get_by_label("Message 2", exact=True).fill("The water?")
    page.get_by_label("Tokens at most").fill("8")
    page.get_by_role("button", name="Run").first.click()
    page.wait_for_url(JOB, wait_until="commit")
    said = ChoiceEvent(0, 0, 0, [264], "It rises.", finish_reason="stop")
    first = answered(Job.objects.get(), talking, said)
    page.goto(page.url)
    expect(page.get_by_role("region", name="Answer")).to_contain_text("It rises.")
    if scripts:
        expect_open_to_all(page)
    page.get_by_label("Your reply").fill("How far?")
    page.get_by_role("button", name="Send the reply").click()
    page.wait_for_url(lambda url: bool(JOB.search(url)) and str(first.pk) not in url)
    context.close()
    job = Job.objects.latest("created_at")
    texts = [message["content"] for message in (job.chat or {})["messages"]]
    assert texts == ["The water?", "It rises.", "How far?"]
