"""A batch is answered whole though its worker is killed: each line once, by its seed."""

from __future__ import annotations

import json
import os

import openai
import pytest

from tests.waiting import wait_until

LINES = int(os.environ.get("BATCH_TEST_LINES", "40"))  # make soak sets more
SECONDS = 60 + LINES
OUTSIZE = 1_000_000  # tokens: no context has them

pytestmark = [
    pytest.mark.clients,
    pytest.mark.xdist_group("live"),
    pytest.mark.timeout(2 * SECONDS + 300),
]


@pytest.fixture
def client(live):
    key = live.account("approved")["token"]
    return openai.OpenAI(base_url=f"{live.base_url}/v1", api_key=key, max_retries=8, timeout=120)


def body_of(live, number):
    return {
        "model": live.demo["hosted_model"],
        "prompt": f"def f{number}(",
        "max_tokens": OUTSIZE if number % 10 == 9 else 60,
        "seed": number,
        "ignore_eos": True,
    }


def test_a_killed_worker_loses_no_line_and_changes_no_text(live, client):
    lines = [
        {
            "custom_id": f"line-{number}",
            "method": "POST",
            "url": "/v1/completions",
            "body": body_of(live, number),
        }
        for number in range(LINES)
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    file = client.files.create(file=("in.jsonl", content), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/completions", completion_window="24h"
    )

    def look():
        return client.batches.retrieve(batch.id)

    wait_until(lambda: look().request_counts.completed, 60, "the first answer")
    live.kill("worker")
    assert look().status == "in_progress"
    wait_until(lambda: look().status == "completed", SECONDS, "the end of the batch")
    done = look()
    outsized = {f"line-{number}" for number in range(9, LINES, 10)}
    counts = done.request_counts
    assert (counts.total, counts.failed) == (LINES, len(outsized))
    answers, errors = (
        [json.loads(line) for line in client.files.content(file_id).iter_lines()]
        for file_id in (done.output_file_id, done.error_file_id)
    )
    names = sorted(line["custom_id"] for line in lines)
    assert sorted(line["custom_id"] for line in answers + errors) == names
    assert {line["custom_id"] for line in errors} == outsized
    assert {line["response"]["status_code"] for line in errors} == {400}
    texts = {line["custom_id"]: line["response"]["body"]["choices"][0]["text"] for line in answers}
    for number in (0, LINES // 2, LINES - 2):
        fields = body_of(live, number)
        extra = {"ignore_eos": fields.pop("ignore_eos")}
        [choice] = client.completions.create(**fields, extra_body=extra).choices
        assert choice.text == texts[f"line-{number}"]
