"""vLLM as a process of the worker's: what it says when it doesn't start, and its end."""

import os
import signal
import subprocess
from dataclasses import replace

import pytest

from inference import EngineRequest, SamplingParams
from inference.errors import EngineClosed, EngineDied, EngineNotStarted
from inference.vllm.engine import VllmEngine
from inference.vllm.server import VllmServer
from tests.inference.engines.conftest import NO_VLLM, OPTIONS, VLLM
from tests.waiting import wait_until

with_vllm = pytest.mark.skipif(not VLLM, reason=NO_VLLM)


def program(tmp_path, script):
    path = tmp_path / "vllm"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_a_program_that_is_not_there_is_named(tmp_path):
    with pytest.raises(EngineNotStarted, match="no such program: /nowhere/vllm"):
        VllmServer(tmp_path, replace(OPTIONS, command="/nowhere/vllm"))


def test_one_that_ends_at_once_is_quoted_with_its_last_error(tmp_path):
    said = "echo '(APIServer pid=9) ValueError: no such architecture'; echo leaked; exit 3"
    options = replace(OPTIONS, command=program(tmp_path, said))
    with pytest.raises(EngineNotStarted, match=r"status 3.: ValueError: no such architecture"):
        VllmServer(tmp_path, options)


def test_one_that_never_answers_is_ended_in_time(tmp_path):
    script = f"echo $$ > {tmp_path}/pid; sleep 600"
    options = replace(OPTIONS, command=program(tmp_path, script), start_seconds=1.0)
    waited = []
    with pytest.raises(EngineNotStarted, match="did not answer within 1 s"):
        VllmServer(tmp_path, options, while_waiting=lambda: waited.append(1))
    assert waited
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@with_vllm
def test_an_engine_whose_vllm_dies_says_so_and_leaves_nothing(models):
    engine = VllmEngine(models["opt"][0], OPTIONS)
    try:
        children = descendants(engine._server._process.pid)
        assert len(children) > 1
        os.kill(children[-1], signal.SIGKILL)
        wait_until(lambda: engine.has_work, 30, "the end to be noticed, with nothing asked")
        with pytest.raises(EngineDied):
            run_down(engine)
    finally:
        engine.close()
    wait_until(lambda: not any(map(alive, children)), 20, "the end of all processes")
    with pytest.raises(EngineClosed):
        engine.submit(EngineRequest([2, 7], SamplingParams(max_tokens=2)))
    assert not engine._server.socket.parent.exists()


def run_down(engine):
    while engine.has_work:
        engine.step()


def alive(pid):
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return status.stdout.strip()[:1] not in ("", "Z")


def descendants(pid):
    """List the ids of a process's descendants, children before their own."""
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True
    ).stdout.split()
    below = [int(child) for child in children]
    return [*below, *(grandchild for child in below for grandchild in descendants(child))]
