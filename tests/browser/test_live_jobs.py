"""Pages of jobs and batches follow what happens, without being loaded again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from openai import OpenAI
from openai.types import Batch
from playwright.sync_api import Page, expect

from tests.live import Live

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("live"), pytest.mark.timeout(300)]
LINES = 300  # more than are answered before the test cancels them
PATIENCE = 60_000  # milliseconds: other tests' jobs may stand before a batch's next lines
LOADED_ONCE = "() => { window.loadedOnce = true; }"


def expect_loaded_once(page: Page) -> None:
    assert page.evaluate("() => window.loadedOnce")


def client_of(live: Live) -> OpenAI:
    return OpenAI(base_url=f"{live.base_url}/v1", api_key=live.account("approved")["token"])


def send_batch(live: Live) -> Batch:
    client, model = client_of(live), live.demo["hosted_model"]
    body = {"model": model, "prompt": "import ", "max_tokens": 24, "min_tokens": 24}
    line = {"method": "POST", "url": "/v1/completions", "body": body}
    lines = [json.dumps({"custom_id": str(number), **line}) for number in range(LINES)]
    file = client.files.create(file=("in.jsonl", "\n".join(lines).encode()), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/completions", completion_window="24h"
    )


def test_a_queued_job_becomes_done_in_the_list(live: Live, new_page) -> None:
    asking, listing = new_page(role="approved"), new_page(role="approved")
    asking.goto("/playground")
    asking.get_by_label("Prompt", exact=True).fill("import ")
    asking.get_by_label("Tokens at most").fill("60")  # so many that it is seen to run
    with live.stopped("worker"):
        asking.get_by_role("button", name="Run").first.click()
        asking.wait_for_url(re.compile(r"/playground/[0-9a-f-]{36}"))
        job = asking.url.rsplit("/", 1)[1]
        asking.close()
        listing.goto("/jobs")
        listing.evaluate(LOADED_ONCE)
        expect(listing.locator(f"#state-{job}")).to_contain_text("Queued")
    expect(listing.locator(f"#state-{job}")).to_contain_text("Succeeded")
    expect_loaded_once(listing)


def test_a_batch_is_followed_cancelled_and_downloaded(live: Live, new_page) -> None:
    batch = send_batch(live)
    page = new_page(role="approved")
    page.goto(f"/jobs/batches/{batch.id}")
    page.evaluate(LOADED_ONCE)
    progress = page.locator("#batch .gauged .sub")
    expect(progress).to_contain_text(
        re.compile(rf"^\s*[1-9]\d* of {LINES} ended"), timeout=PATIENCE
    )
    seen = progress.inner_text().split()[0]
    expect(progress).not_to_contain_text(re.compile(rf"^\s*{seen} of"), timeout=PATIENCE)
    expect_loaded_once(page)
    page.get_by_role("button", name="Cancel the batch").click()
    page.evaluate(LOADED_ONCE)
    expect(page.get_by_role("status")).to_contain_text("Cancelled")
    expect(page.get_by_role("button", name="Cancel the batch")).to_have_count(0)
    expect_loaded_once(page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download Answers").click()
    assert waiting.value.suggested_filename == f"{batch.id}_output.jsonl"
    lines = Path(waiting.value.path()).read_text().splitlines()
    assert {json.loads(line)["response"]["status_code"] for line in lines} == {200}
    expect(page.locator("#batch")).to_contain_text(f"{LINES}: {len(lines)} answered")


def test_who_has_signed_out_elsewhere_is_led_to_sign_in(live: Live, new_page) -> None:
    with live.stopped("worker"):
        batch = send_batch(live)
        page = new_page(role="approved")
        page.goto(f"/jobs/batches/{batch.id}")
        download = page.get_by_role("link", name="Download Requests")
        address = download.get_attribute("href")
        page.context.clear_cookies()
        page.wait_for_url(re.compile("/accounts/login/"))
        page.goto(f"{address}")
        expect(page.get_by_label("Username or e-mail")).to_be_visible()
        client_of(live).batches.cancel(batch.id)  # its jobs would fill the lists of other tests
