"""The unmodified openai client runs batches on the running demo, as docs/hosted.md shows."""

from __future__ import annotations

import re
from pathlib import Path

import openai
import pytest
from safetensors.numpy import load

from tests.waiting import wait_until

pytestmark = [pytest.mark.clients, pytest.mark.xdist_group("live"), pytest.mark.timeout(600)]
PAGE = (Path(__file__).parents[2] / "docs" / "hosted.md").read_text("utf-8")
OPEN = ("validating", "in_progress", "finalizing", "cancelling")


@pytest.fixture
def client(live):
    key = live.account("approved")["token"]
    return openai.OpenAI(base_url=f"{live.base_url}/v1", api_key=key, max_retries=2, timeout=60)


@pytest.fixture
def submit(client):
    def send(content, **fields):
        file = client.files.create(file=("in.jsonl", content), purpose="batch")
        fields = {"endpoint": "/v1/completions", "completion_window": "24h", **fields}
        return client.batches.create(input_file_id=file.id, **fields)

    return send


def test_the_pages_examples_run_as_they_stand(live, client, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {
        "portal": live.base_url,
        "token": live.account("approved")["token"],
        "model": live.demo["hosted_model"],
    }
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(example, names)  # noqa: S102, our own page
    content = (tmp_path / "captures.safetensors").read_bytes()
    assert (
        len(content) == names["captures"]["size_bytes"] <= names["plan"]["captures"]["size_bytes"]
    )
    tensors = load(content)
    assert {name: list(it.shape) for name, it in tensors.items()} == {
        name: it["shape"] for name, it in names["captures"]["tensors"].items()
    }
    assert tensors["0.output.0.positions"].tolist() == [0, 1]
    batch = names["batch"]
    assert batch.status == "completed"
    assert (batch.request_counts.total, batch.request_counts.completed) == (5, 5)
    assert batch.metadata == {"for": "a first try"}
    assert batch.completed_at >= batch.in_progress_at >= batch.created_at
    printed = capsys.readouterr().out
    assert all(f"question-{number} " in printed for number in range(5))
    assert "The water" in printed.splitlines()[-1]
    assert next(iter(client.batches.list(limit=1))).id == batch.id
    assert client.files.retrieve(batch.output_file_id).purpose == "batch_output"


def test_a_file_with_faults_fails_by_their_lines(live, client, submit):
    batch = submit(b'{"custom_id": "a"}\nnonsense\n')

    def ended():
        found = client.batches.retrieve(batch.id)
        return found if found.status not in OPEN else None

    failed = wait_until(ended, 60, "the end of the batch")
    assert (failed.status, failed.failed_at > 0) == ("failed", True)
    assert [(error.line, error.code, error.param) for error in failed.errors.data] == [
        (1, "invalid_method", "method"),
        (2, "invalid_json_line", None),
    ]
    with pytest.raises(openai.ConflictError, match="failed"):
        client.with_options(max_retries=0).batches.cancel(batch.id)


def test_what_is_wrong_with_a_batch_is_said_at_once(live, client, submit):
    stranger = openai.OpenAI(
        base_url=f"{live.base_url}/v1", api_key=live.account("newcomer")["token"], max_retries=0
    )
    file = client.files.create(file=("in.jsonl", b"x"), purpose="batch")
    sound = {
        "input_file_id": file.id,
        "endpoint": "/v1/completions",
        "completion_window": "24h",
    }
    for field, value in {
        "endpoint": "/v1/embeddings",
        "completion_window": "48h",
        "metadata": {"x" * 65: "y"},
    }.items():
        with pytest.raises(openai.BadRequestError) as refused:
            client.batches.create(**{**sound, field: value})
        assert refused.value.param == field
    with pytest.raises(openai.NotFoundError) as unknown:
        stranger.batches.create(**sound)
    assert (unknown.value.code, unknown.value.param) == ("file_not_found", "input_file_id")
    with pytest.raises(openai.NotFoundError) as unknown:
        stranger.batches.retrieve(f"batch_{'0' * 32}")
    assert unknown.value.code == "batch_not_found"
