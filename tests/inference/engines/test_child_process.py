"""All processes that a worker started end with it, however it ends."""

import os
import signal
import subprocess
import sys

import pytest

from inference.vllm import child_process
from tests.waiting import wait_until

# A program with a child of its own, which ignores SIGTERM as a stuck process would.
FAMILY = """
import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def started(*command):
    return subprocess.Popen(
        [sys.executable, child_process.__file__, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def family():
    process = started(sys.executable, "-c", FAMILY)
    pids = [int(pid) for pid in process.stdout.readline().split()]
    yield process, pids
    process.stdin.close()
    process.wait(30)


def test_all_processes_end_when_the_pipe_closes(family):
    process, pids = family
    assert all(map(is_running, pids))
    process.stdin.close()
    assert process.wait(30) == 128 + signal.SIGTERM
    wait_until(lambda: not any(map(is_running, pids)), 10, "the end of all processes")


def test_all_end_with_a_worker_that_is_killed(tmp_path):
    command = [sys.executable, child_process.__file__, sys.executable, "-c", FAMILY]
    starter = f"import subprocess, time; p = subprocess.Popen({command}, stdin=-1); time.sleep(600)"
    worker = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True)
    pids = [int(pid) for pid in worker.stdout.readline().split()]
    assert all(map(is_running, pids))
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(30)
    wait_until(lambda: not any(map(is_running, pids)), 30, "the end of all processes")


def test_children_that_a_program_leaves_behind_end_too():
    code = FAMILY.replace("time.sleep(600)\n", "sys.exit(3)\n")
    process = started(sys.executable, "-c", code)
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert process.wait(30) == 3
    wait_until(lambda: not is_running(pids[1]), 10, "the end of the child")
    process.stdin.close()


def test_a_signal_to_the_runner_ends_nothing(family):
    process, pids = family
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    assert all(map(is_running, pids))
