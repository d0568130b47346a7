"""Run a command in a process group of its own, and end all of it when standard input closes.

``python child_process.py COMMAND …``: a worker holds the other end of the pipe, so that what it
started ends with it, however it ends: vLLM runs in several processes, which would else keep their
GPUs.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

GRACE_SECONDS = 10.0
LOOK_SECONDS = 0.05


def main() -> int:
    """Run the command to its end, or until the pipe closes. Return its exit status."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # only the pipe ends it
    child = subprocess.Popen(
        sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_default_signals
    )
    threading.Thread(target=_end_with_input, args=(child,), daemon=True).start()
    status = child.wait()
    _signal(child, signal.SIGKILL)  # what it left behind
    return status if status >= 0 else 128 - status


def _default_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _end_with_input(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1):  # unbuffered: at its end an interpreter waits for a buffer's lock
        pass
    _signal(child, signal.SIGTERM)
    until = time.monotonic() + GRACE_SECONDS
    while child.poll() is None and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
    _signal(child, signal.SIGKILL)


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main())
