"""Parts are restarted when they die, and nothing of them outlives the supervisor."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from portal.embedded import processes
from portal.embedded.demo.parts import ROOT
from portal.embedded.errors import AlreadyRunning, PartFailed, StopRequested
from portal.embedded.files import read_json, write_json
from portal.embedded.supervisor import ProcessSupervisor
from tests.waiting import wait_until

SLEEP = "import time; time.sleep(600)"
# Ignores SIGTERM, and so does its child in a session of its own.
STUBBORN = textwrap.dedent("""
    import os, signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-c",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"],
        start_new_session=True)
    time.sleep(600)
""")
# What a real supervisor process does, for the tests that kill it.
SUPERVISE = textwrap.dedent("""
    import signal, sys
    from pathlib import Path
    from portal.embedded import processes
    from portal.embedded.errors import StopRequested
    from portal.embedded.supervisor import Part, ProcessSupervisor
    if sys.argv[2] == "orphans":
        processes.preparation = lambda number: (lambda: None)
    sleep = (sys.executable, "-c", "import time; time.sleep(600)")
    try:
        with ProcessSupervisor(Path(sys.argv[1])) as supervisor:
            supervisor.catch_signals()
            if sys.argv[2] == "make":
                supervisor.follow_make()
            supervisor.start(Part("one", sleep))
            supervisor.start(Part("two", sleep))
            supervisor.wait_until(lambda: False, 600, "the end")
    except StopRequested as stopped:
        sys.exit(f"stopped by {stopped}")
""")


def alive(pid):
    process = processes.read(pid)
    return process is not None and process.alive


def heed_signals():
    """Undo in a child what nohup (SIGHUP) or a shell's & (SIGINT) has the test run ignore."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def supervise(var, mode="normal"):
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, var, mode],
        stderr=subprocess.PIPE,
        preexec_fn=heed_signals,
    )
    wait_until(lambda: len(recorded(var)) == 2, 10, "two parts")
    return process


def recorded(var):
    parts = (read_json(var / "run" / "parts.json") or {}).get("parts", {})
    return {name: entry["leader"]["pid"] for name, entry in parts.items()}


def test_a_killed_part_is_back_within_two_seconds(supervisor, python):
    supervisor.start(python("part", SLEEP))
    for _ in range(2):
        dead = supervisor.pids()["part"]
        killed_at = time.monotonic()
        os.kill(dead, signal.SIGKILL)
        wait_until(lambda d=dead: supervisor.tick() or supervisor.pids()["part"] != d, 5)
        assert time.monotonic() - killed_at < 2
    assert supervisor.restarts == 2


def test_a_part_that_keeps_dying_ends_the_start_with_the_end_of_its_log(supervisor, python):
    supervisor.start(python("part", "raise SystemExit('no such table')"))
    with pytest.raises(PartFailed, match=r"part keeps dying \(exit status 1\)(.|\n)*no such table"):
        supervisor.wait_until(lambda: False, 20, "the end")


def test_later_it_is_tried_again_ever_more_slowly(supervisor, python, said):
    supervisor.starting = False
    supervisor.start(python("part", "raise SystemExit(3)"))
    wait_until(lambda: supervisor.tick() or len(said) == 5, 20)
    delays = [line.rpartition(" in ")[2] for line in said if "restarting" in line]
    assert delays == ["0 s", "0.5 s", "1 s", "1 s"]
    assert "part keeps dying (exit status 3)" in said[3]


def test_children_of_a_dead_part_are_ended_before_its_restart(supervisor, python):
    supervisor.start(python("part", STUBBORN.replace("start_new_session=True", "")))
    dead = supervisor.pids()["part"]
    child = wait_until(lambda: processes.family(dead), 5, "a child")[0]
    os.kill(dead, signal.SIGKILL)
    wait_until(lambda: supervisor.tick() or supervisor.pids()["part"] != dead, 5)
    assert not processes.still(child)


def test_stop_ends_stubborn_parts_and_their_children(supervisor, python):
    supervisor.start(python("part", STUBBORN, stop_seconds=0.3))
    leader = supervisor.pids()["part"]
    child = wait_until(lambda: processes.family(leader), 5, "a child")[0]
    supervisor.stop()
    assert not alive(leader)
    assert not alive(child.pid)


def test_a_task_that_fails_says_why(supervisor, python):
    with pytest.raises(PartFailed, match=r"migrate failed \(exit status 2\)(.|\n)*the reason"):
        supervisor.run(python("migrate", "import sys; print('the reason'); sys.exit(2)"))
    assert supervisor.pids() == {}


def test_a_task_only_shows_the_log_of_its_own_run(supervisor, python):
    with pytest.raises(PartFailed):
        supervisor.run(python("task", "raise SystemExit('first')"))
    with pytest.raises(PartFailed) as second:
        supervisor.run(python("task", "import sys; sys.exit(4)"))
    assert "first" not in str(second.value).partition("\n")[2]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything(var, number):
    process = supervise(var)
    parts = recorded(var).values()
    process.send_signal(number)
    assert f"stopped by {number.name}" in process.communicate(timeout=20)[1].decode()
    assert not any(alive(pid) for pid in parts)
    assert not (var / "run" / "parts.json").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_the_make_above_stops_everything(var, number):
    (var / "supervise.py").write_text(SUPERVISE)
    (var / "Makefile").write_text(
        f"go:\n\t@cd {ROOT} && PYTHONPATH=. exec {sys.executable} {var}/supervise.py {var} make\n"
    )
    make = subprocess.Popen(["make", "-C", var], stderr=subprocess.PIPE, preexec_fn=heed_signals)
    parts = wait_until(lambda: len(recorded(var)) == 2 and recorded(var), 10, "two parts").values()
    make.send_signal(number)
    make.communicate(timeout=20)
    wait_until(lambda: not any(alive(pid) for pid in parts), 10, "the end of the parts")


def test_parts_do_not_outlive_a_killed_supervisor(var):
    process = supervise(var)
    parts = recorded(var).values()
    process.kill()
    process.communicate()
    wait_until(lambda: not any(alive(pid) for pid in parts), 5, "the end of the parts")


def test_the_next_start_ends_what_a_kill_9_left(var, said):
    process = supervise(var, "orphans")
    parts = recorded(var).values()
    process.kill()
    process.communicate()
    assert all(alive(pid) for pid in parts)
    with ProcessSupervisor(var, say=said.append):
        assert not any(alive(pid) for pid in parts)
    assert len(said) == 2


def test_a_stranger_with_a_recorded_number_is_left_alone(var, said):
    stranger = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
    try:
        leader = {**vars(processes.read(stranger.pid)), "started": 1}
        entry = {"leader": leader, "program": "python", "stop_signal": 15}
        (var / "run").mkdir()
        record = {"boot": processes.boot_id(), "sockets": None, "parts": {"part": entry}}
        write_json(var / "run" / "parts.json", record)
        with ProcessSupervisor(var, say=said.append):
            assert stranger.poll() is None
        assert said == []
    finally:
        stranger.kill()
        stranger.wait()


def test_a_second_supervisor_is_refused_and_told_by_whom(supervisor, var):
    with (
        pytest.raises(AlreadyRunning, match=f"in use by process {os.getpid()}"),
        ProcessSupervisor(var),
    ):
        pass


def test_a_signal_is_noticed_while_waiting(supervisor):
    supervisor._note_signal(signal.SIGTERM, None)
    with pytest.raises(StopRequested):
        supervisor.wait_until(lambda: False, 5, "the end")
