"""The loop that a model's page offers for poor links, pasted as it stands and killed at random."""

from __future__ import annotations

import html
import os
import random
import re
import shutil
import signal
import subprocess

import numpy as np
import pytest
from django.utils import timezone
from safetensors.numpy import save_file

from tests.clients.links.thin_link import thin_link
from tests.factories.access import make_grant
from tests.factories.accounts import make_token
from tests.factories.catalog import make_folder, make_repo, make_revision
from tests.waiting import wait_until

KILLS = 20
TENSOR_BYTES = 24 * 1024 * 1024
BYTES_PER_SECOND = 4e6  # what is under way is lost with each kill: little, on a poor line

pytestmark = [
    pytest.mark.clients,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


@pytest.fixture
def link(live_server, settings):
    """Run the portal behind a slow link."""
    with thin_link(("127.0.0.1", live_server.thread.port), bytes_per_second=BYTES_PER_SECOND) as it:
        settings.BASE_URL = it.url
        yield it


def pasted(client, repo, token) -> str:
    page = client.get(f"/{repo.full_name}").content.decode()
    block = re.search(r'<pre class="cmd" id="resume".*?>(.*?)</pre>', page, re.DOTALL)
    assert block, "the page offers no loop"
    return html.unescape(re.sub(r"<[^>]+>", "", block[1])).replace("wg_…", token)


def start(script, folder) -> subprocess.Popen[str]:
    bare = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        env=bare,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_killed_twenty_times_it_fetches_hardly_a_byte_twice(client, link, tmp_path):
    repo = make_repo()
    folder = make_folder(tmp_path / "release")
    weights = np.random.default_rng(7).random(TENSOR_BYTES // 4, dtype=np.float32)
    save_file({"a.weight": weights}, folder / "model-00001-of-00002.safetensors")
    revision = make_revision(repo, folder)
    size = sum(file.blob.size_bytes for file in revision.files.select_related("blob"))
    person = make_grant(repo, now=timezone.now()).person
    _, token = make_token(person, now=timezone.now())
    client.force_login(person)
    script = pasted(client, repo, token)
    home = tmp_path / "home"
    home.mkdir()
    moments = sorted(random.Random(11).uniform(0.02, 0.95) * size for _ in range(KILLS))
    for moment in moments:
        running = start(script, home)
        wait_until(lambda at=moment: link.bytes_down >= at, 120, f"{moment:.0f} bytes")
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
    last = start(script, home)
    told, _ = last.communicate(timeout=120)
    assert last.returncode == 0, told
    assert told.count(": OK") == revision.files.count() - 2  # but the sums and the signature
    assert (home / repo.name / "model.sig").is_file()
    assert link.bytes_down <= 1.05 * size
