"""Web and worker on hosts of their own: other accounts, other database roles, one site."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import psycopg
import pytest

from portal.embedded import nginx
from portal.embedded.errors import EmbeddedError
from tests.hosts.backends import WEB, WORKER
from tests.hosts.site import START_SECONDS, TwoHosts, two_hosts
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.clients,
    pytest.mark.timeout(600),
    pytest.mark.skipif("TWO_HOSTS" not in os.environ, reason="make soak sets TWO_HOSTS"),
]


@pytest.fixture(scope="module")
def site() -> Iterator[TwoHosts]:
    try:
        nginx.program()
    except EmbeddedError as error:
        pytest.skip(str(error))
    with two_hosts() as hosts:
        yield hosts


def test_a_download_and_a_completion_pass_through_both(site, tmp_path):
    seed = site.seed()
    site.start()
    token = seed["people"][0]["token"]
    assert seed["file"]["path"] in downloaded(site, seed["repo"], token, tmp_path)
    client = openai.OpenAI(base_url=f"{site.base_url}/v1", api_key=token, max_retries=0)
    wait_until(lambda: is_hosted(client, seed["repo"]), START_SECONDS, "the worker's model")
    answer = client.completions.create(model=seed["repo"], prompt="The sluice", max_tokens=5)
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0
    for role in (WEB, WORKER):
        refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
        with psycopg.connect(site.backends.database_url(role)) as host, refused:
            host.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER ALL")


def downloaded(site: TwoHosts, repo: str, token: str, folder: Path) -> list[str]:
    """Return the names of the files that `hf download` brings."""
    hf = Path(sys.executable).with_name("hf")
    environment = {"HF_ENDPOINT": site.base_url, "HF_TOKEN": token, "HF_HOME": str(folder / "hf")}
    command = [str(hf), "download", repo, "--local-dir", str(folder / "weights")]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return [path.name for path in (folder / "weights").iterdir()]


def is_hosted(client: openai.OpenAI, name: str) -> bool:
    models: list[Any] = list(client.models.list())
    return any(model.id == name for model in models)
