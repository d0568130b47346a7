"""curl, wget and aria2c go on from half a file to the whole of it."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest
from django.utils import timezone

from portal.delivery.models import Download
from tests.clients.conftest import ON_BOTH_BACKENDS
from tests.factories.catalog import make_folder, make_revision

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True), ON_BOTH_BACKENDS]
CONTENT = random.Random(3).randbytes(3_000_000)
HALF = 1_234_567
TOOLS = {
    "curl": ["-sSfL", "-C", "-", "-o", "part", "-H"],
    "wget": ["-q", "-c", "-O", "part", "--header"],
    "aria2c": ["-q", "-c", "-x", "4", "-s", "4", "-k", "1M", "-o", "part", "--header"],
}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("kept", [0, HALF], ids=["anew", "from-half"])
def test_a_tool_fetches_and_resumes(hub, settings, tmp_path: Path, tool: str, kept: int):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    make_folder(hub.folder, **{"large.dat": CONTENT})
    make_revision(hub.repo, hub.folder, title="Large", now=timezone.now())
    part = tmp_path / "part"
    if kept:
        part.write_bytes(CONTENT[:kept])
    bearer = f"Authorization: Bearer {hub.secret}"
    url = f"{settings.BASE_URL}{hub.url('large.dat')}"
    if settings.STORAGE == "s3" and tool != "curl":
        # They send the token on to the bucket, which takes a signature or a token, never both.
        link = run("curl", "-sS", "-o", "-", "-w", "%{redirect_url}", "-H", bearer, url)
        run(tool, *TOOLS[tool][:-1], link, cwd=tmp_path)
    else:
        run(tool, *TOOLS[tool], bearer, url, cwd=tmp_path)
    assert part.read_bytes() == CONTENT
    ranged = settings.STORAGE == "local" and tool != "aria2c"
    if kept and ranged:  # aria2c begins at the start, to learn the length; a bucket tells nobody
        assert min(Download.objects.values_list("range_start", flat=True)) >= kept


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
