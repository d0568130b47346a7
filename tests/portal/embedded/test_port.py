"""A demo says “ready” only of what its own processes serve."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest

from portal.embedded.demo.listening import TABLE, any_listens
from portal.embedded.demo.parts import HOST, ROOT
from portal.embedded.demo.start import _require_own
from portal.embedded.errors import EmbeddedError


@pytest.fixture
def taken():
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_refused_before_anything_is_made(tmp_path, taken):
    demo = [sys.executable, "-m", "portal.embedded", "demo", "--var", tmp_path, "--port"]
    refused = subprocess.run(
        [*demo, str(taken)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"✗ Port {taken} cannot be used (Address already in use).")
    assert line.endswith(f"make demo PORT={taken + 1 if taken < 65_535 else taken - 1}")
    assert not (tmp_path / "demo-model").exists()
    assert "ready" not in refused.stdout


@pytest.mark.skipif(not TABLE.exists(), reason="Only Linux says whose a port is.")
def test_the_answer_of_another_process_does_not_count(taken):
    assert any_listens([os.getpid()], taken)
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert not any_listens([sleeper.pid], taken)
        demo = SimpleNamespace(pids=lambda: {"web": sleeper.pid})
        with pytest.raises(EmbeddedError, match="another process answers there"):
            _require_own(demo, taken)
    finally:
        sleeper.communicate(b"\n")
