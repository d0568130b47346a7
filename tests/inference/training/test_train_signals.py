"""Real signals in every phase of a training, and what the folder and its logbook hold after."""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
from contextlib import contextmanager

import pytest

from inference.errors import Stopped
from inference.training import checkpoints, data, logbook_entries, train
from inference.training import step as training_step
from inference.training.corpus import windows
from inference.training.logbook import Logbook
from inference.training.stop_signals import MEANINGS
from tests.inference.tiny_opts import ROOT
from tests.inference.training.training_runs import STATE, count_of, entries_of, go, sending, weights

HEEDED = tuple(MEANINGS)
COMMAND = (sys.executable, "-m", "inference", "train", "--preset", "tiny", "--threads", "1")


@pytest.fixture(autouse=True)
def heeded():
    """Undo what nohup (SIGHUP) or a shell's & (SIGINT) has the test run ignore."""
    handlers = {number: signal.signal(number, signal.SIG_DFL) for number in HEEDED}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def before(monkeypatch, place, name, number):
    """Send this process the signal as the named function is first called."""
    original, sent = getattr(place, name), []

    def called(*arguments, **named):
        if not sent:
            sent.append(number)
            os.kill(os.getpid(), number)
        return original(*arguments, **named)

    monkeypatch.setattr(place, name, called)


@contextmanager
def trainer(folder, *arguments, **options):
    """Start the command in a process of its own, ended with the block if need be."""
    command = [*COMMAND, "--out", str(folder), *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process, sentence):
    for line in process.stdout:
        if line.startswith(sentence):
            return
    pytest.fail(f"{sentence!r} was never said")


def ending(folder):
    return entries_of(folder)[-1]


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (signal.SIGINT, "operator"),
        (signal.SIGTERM, "provider"),
        (signal.SIGHUP, "provider"),
        (signal.SIGUSR1, "provider"),
        (signal.SIGUSR2, "provider"),
    ],
)
def test_a_signal_saves_the_step_at_hand_and_goes_on_to_the_same_weights(
    undisturbed, tmp_path, monkeypatch, number, cause
):
    before(monkeypatch, windows, "draw_windows", number)  # in the middle of the first step
    with pytest.raises(Stopped) as stop:
        go(tmp_path)
    assert stop.value.status == 128 + number
    last = ending(tmp_path)
    assert (last["kind"], last["cause"], last["step"]) == ("note", cause, 1)
    assert last["automatic"] is (cause == "provider")
    assert number.name in last["body"]
    assert "the checkpoint of step 1" in last["body"]
    assert "ended_at" in last
    go(tmp_path, must_resume=True)
    assert weights(tmp_path) == undisturbed
    assert [count_of(tmp_path, kind) for kind in ("launch", "restart", "crash")] == [1, 1, 0]


@pytest.mark.parametrize(
    ("place", "name", "step"),
    [
        (data, "train_tokenizer", 0),
        (data, "encode_texts", 0),
        (logbook_entries, "record_data", 0),
        (training_step.Learner, "learn", 1),
        (checkpoints, "save_state", 3),
        (logbook_entries, "record_update", 2),
        (Logbook, "write", 0),
        (training_step.Learner, "evaluate", 6),
        (train, "export_model", 6),
    ],
)
def test_a_signal_in_any_phase_is_recorded_once_and_loses_nothing(
    undisturbed, tmp_path, monkeypatch, place, name, step
):
    before(monkeypatch, place, name, signal.SIGTERM)
    with pytest.raises(Stopped):
        go(tmp_path)
    last = ending(tmp_path)
    assert (last["kind"], last["cause"], last["step"]) == ("note", "provider", step)
    assert not (tmp_path / "config.json").exists()
    go(tmp_path)
    assert weights(tmp_path) == undisturbed
    assert ending(tmp_path)["kind"] == "milestone"
    restart = next(e for e in entries_of(tmp_path) if e["kind"] == "restart")
    assert (restart["cause"], restart["step"]) == ("provider", step)


def test_a_signal_before_the_run_leaves_an_empty_folder(tmp_path):
    with pytest.raises(Stopped):
        go(tmp_path, sending(signal.SIGTERM, "collecting"))
    assert list(tmp_path.iterdir()) == []


def test_a_signal_when_all_is_done_changes_nothing(undisturbed, tmp_path, monkeypatch):
    before(monkeypatch, train, "remove_all", signal.SIGTERM)
    go(tmp_path)
    assert weights(tmp_path) == undisturbed
    assert ending(tmp_path)["kind"] == "milestone"


def test_handlers_are_put_back(tmp_path):
    handlers = [signal.getsignal(number) for number in HEEDED]
    with pytest.raises(Stopped):
        go(tmp_path, sending(signal.SIGINT, "collecting"))
    assert [signal.getsignal(number) for number in HEEDED] == handlers


def test_the_process_ends_with_the_signals_status_and_without_a_traceback(tmp_path):
    with trainer(tmp_path, "--checkpoint-every", 1) as process:
        wait_for(process, "step 3")
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)  # as `timeout` does: the same wish, told twice
        printed, error = process.communicate()
    assert (process.returncode, error) == (143, "stopped\n")
    last = ending(tmp_path)
    assert (last["cause"], f"the checkpoint of step {last['step']}") == (
        "provider",
        last["body"].rpartition("from ")[2].rstrip("."),
    )
    assert last["body"] in printed


def test_a_terminal_that_goes_away_is_a_stop_like_any_other(tmp_path):
    keyboard, terminal = pty.openpty()

    def own_the_terminal():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    streams = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
    with trainer(
        tmp_path, "--checkpoint-every", 1, "--log-every", 1, **streams,
        start_new_session=True, preexec_fn=own_the_terminal,
    ) as process:  # fmt: skip
        os.close(terminal)
        printed = ""
        while "checkpoint written" not in printed:
            printed += os.read(keyboard, 4096).decode()
        os.close(keyboard)
        assert process.wait() == 129
    last = ending(tmp_path)
    assert (last["cause"], "SIGHUP" in last["body"]) == ("provider", True)
    assert last["step"] < 40


def test_what_is_ignored_stays_ignored(undisturbed, tmp_path):
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        go(tmp_path, sending(signal.SIGHUP, "step 3"))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert weights(tmp_path) == undisturbed


def test_a_second_signal_ends_it_there_and_then():
    """A second one after a moment, that is: a request that is told twice at once is one."""
    program = """if True:
        import os, signal
        from inference.training.stop_signals import StopSignals
        with StopSignals().handled():
            for _ in range(3):
                os.kill(os.getpid(), signal.SIGTERM)
            print("still here", flush=True)
            while True:
                os.kill(os.getpid(), signal.SIGTERM)
    """
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGTERM, "still here\n", "")


def test_killed_while_saving_it_leaves_the_last_good_state(tmp_path):
    """The hard way: the half-written file is thrown away at the next start."""
    go_until = sending(signal.SIGTERM, "step 3: checkpoint written")
    with pytest.raises(Stopped):
        go(tmp_path, go_until)
    good = (tmp_path / STATE).read_bytes()
    (tmp_path / f"{STATE}.part").write_bytes(good[:1000])
    (tmp_path / ".tmpAbc123").write_bytes(good[:1000])
    go(tmp_path, must_resume=True)
    assert {path.name for path in tmp_path.iterdir() if path.suffix == ".part"} == set()
    assert not (tmp_path / ".tmpAbc123").exists()


def test_in_another_thread_it_trains_without_listening(undisturbed, tmp_path):
    thread = threading.Thread(target=go, args=(tmp_path,))
    thread.start()
    thread.join()
    assert weights(tmp_path) == undisturbed
