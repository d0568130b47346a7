"""A lab opens its gate by commands and the API alone, as docs/first-hour.md has them."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.factories.jobs import tiny_model
from tests.journeys.documented import commands, scripts
from tests.journeys.installation import empty_installation, places

pytestmark = [
    pytest.mark.clients,
    pytest.mark.xdist_group("journeys"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]
MOST_COMMANDS = 40


def test_from_an_empty_database_to_the_first_download(tmp_path: Path, record_property):
    tiny_model(tmp_path / "weights")
    with empty_installation(tmp_path) as lab:
        own = places(lab)
        set_up, *then = [*scripts("Set up", own), *scripts("By commands and the API", own)]
        began = time.monotonic()
        made = json.loads(lab.bash(set_up.replace("--no-input", "--no-input --json")))
        lab.start(made["next"]["start"])
        first_lines = set_up.splitlines()[0]
        printed = lab.bash("\n".join([first_lines, *then]))
        seconds = time.monotonic() - began
        assert printed.count("safetensors: OK") == 2  # each shard, with the sha256 it was sent with
        lab.link_in_letter("rita@lab.example", "/queue/")
        lab.link_in_letter("sam@university.example", "/requests/")
    assert commands([set_up, *then]) <= MOST_COMMANDS
    record_property("seconds", round(seconds))
    record_property("commands", commands([set_up, *then]))
    print(f"{commands([set_up, *then])} commands, {seconds:.0f} s")
