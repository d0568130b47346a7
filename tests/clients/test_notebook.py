"""The notebook of docs/, run from its first cell to its last against the demo."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from tests.clients.notebook import code_cells, read
from tests.inference.tiny_opts import ROOT

PAGE = ROOT / "docs/notebooks/white-box.ipynb"

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]


def printed_lines(notebook):
    """Count the lines that each cell printed; the numbers in them are the machine's."""
    return [
        sum(len(output.get("text", "")) for output in cell["outputs"])
        for cell in code_cells(notebook)
    ]


@pytest.mark.xdist_group("live")
def test_it_runs_and_prints_as_it_is_shown(live, tmp_path):
    copy = tmp_path / PAGE.name
    shutil.copy(PAGE, copy)
    run = subprocess.run(
        [sys.executable, "-m", "tests.clients.notebook", copy],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "HF_HOME": str(tmp_path / "hf"),
            "NO_PROXY": "127.0.0.1",
            "WEIGHTGATE_VAR": str(live.var),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    shown = read(PAGE)
    assert printed_lines(read(copy)) == printed_lines(shown)
    assert all(cell["execution_count"] for cell in code_cells(shown))
    assert sum(printed_lines(shown)) > 15
