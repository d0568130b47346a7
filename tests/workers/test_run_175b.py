"""The commands of docs/run-175b.md lead a small model from the same files to a completion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from inference.__main__ import main
from inference.training.corpus.tokenizing import train_tokenizer
from portal.jobs import hosting
from portal.redis_client import redis_client
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo
from tests.factories.jobs import TEXTS, make_guest
from tests.inference import metaseq_files
from tests.inference.tiny_opts import ROOT, random_opt
from tests.journeys.runbook import TWO_HOSTS, commands, settings_under
from tests.live import free_port
from tests.upgrades.restoring import url_of
from tests.waiting import wait_until

TORCHRUN = (sys.executable, "-m", "torch.distributed.run")
IN_THIS_PROCESS = ("1. Plan", "3. Look at the files", "4. Convert", "5. Publish")
CARD = "---\nlicense: other\n---\n# A model\n\nIt completes text.\n"
START_SECONDS = 120
STOP_SECONDS = 120
SMALL = {
    "WEIGHTGATE_ENGINE_DEVICE": "cpu",
    "WEIGHTGATE_ENGINE_TENSOR_PARALLEL_SIZE": "2",
}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Make a small OPT's files as metaseq names and nests them, with what goes along."""
    folder, trained = tmp_path / "raw", tmp_path / "tokenizer"
    folder.mkdir()
    trained.mkdir()
    # ids of which 8 parts have equal shares
    peer = random_opt(vocab_size=304, num_attention_heads=8, num_hidden_layers=3)
    metaseq_files.save_raw(folder, peer, parts=8, shards=3)
    peer.config.save_pretrained(tmp_path / "shape")
    train_tokenizer(TEXTS, 300, trained)
    model = json.loads((trained / "tokenizer.json").read_text())["model"]
    merges = "\n".join(" ".join(pair) for pair in model["merges"])
    (folder / "gpt2-vocab.json").write_text(json.dumps(model["vocab"]))
    (folder / "gpt2-merges.txt").write_text(f"#version: 0.2\n{merges}")
    (folder / "README.md").write_text(CARD)
    (folder / "LICENSE").write_text("You may study it.\n")
    return folder


@pytest.fixture
def repo(settings, tmp_path, transactional_db):
    settings.VAR = tmp_path / "var"
    redis_client().flushdb()
    make_user("operator", superuser=True)
    return make_repo("opt-175b")


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("raw")
def test_its_commands_lead_from_shards_to_a_completion(repo, tmp_path, client, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = {
        "/srv/opt-175b": str(tmp_path),
        "--config opt-175b": f"--config {tmp_path / 'shape'}",
        "example-lab/opt-175b": repo.full_name,
    }
    for heading in IN_THIS_PROCESS:
        for words in commands(heading, **places):
            run_here(words)
    [curl] = commands("7. Ask for a completion", **places)
    body = curl[curl.index("-d") + 1]
    _, secret = make_token(make_guest(repo), now=timezone.now())
    bearer = {"Authorization": f"Bearer {secret}"}
    with two_hosts(tmp_path, repo.full_name):
        wait_until(lambda: hosting.ready_commit(repo.full_name), START_SECONDS, "a loaded model")
        answer = client.post("/v1/completions", body, "application/json", headers=bearer)
    assert answer.status_code == 200, answer.content
    assert answer.json()["usage"]["completion_tokens"] == json.loads(body)["max_tokens"]


def run_here(words: list[str]) -> None:
    """Run a command in this process, which has loaded already what it would load first."""
    match words:
        case ["cd", folder]:
            os.chdir(folder)
        case ["python", "-m", "inference", *arguments]:
            assert main(arguments) == 0, words
        case ["weightgate", "manage", *arguments]:
            call_command(*arguments, stdout=StringIO())
        case _:
            pytest.fail(f"nothing here runs {words}")


@contextmanager
def two_hosts(folder: Path, repo: str) -> Iterator[None]:
    """Run the page's torchrun twice, as on two hosts of two devices each."""
    own = {"host-a:29500": f"127.0.0.1:{free_port()}", "per-node 8": "per-node 2"}
    [_, [_, *arguments]] = commands(TWO_HOSTS, **own)
    surroundings = {
        "DATABASE_URL": url_of(connection.settings_dict["NAME"]),
        "WEIGHTGATE_BLOB_DIR": str(folder / "blobs"),
        "WEIGHTGATE_HOSTED_MODEL": repo,
        "WEIGHTGATE_VAR": str(folder / "var"),
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    environment = os.environ | settings_under(TWO_HOSTS) | SMALL | surroundings
    command = [*TORCHRUN, *arguments]
    with (folder / "a.log").open("wb") as a, (folder / "b.log").open("wb") as b:
        hosts = [
            subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
            for log in (a, b)
        ]
        try:
            yield
        finally:
            for host in hosts:
                host.terminate()  # not killed: its ranks would live on
            for host in hosts:
                host.wait(STOP_SECONDS)
