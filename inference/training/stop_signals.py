"""Stop the trainer by signals, at points where nothing is half done."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from inference.errors import Stopped

MEANINGS = {
    signal.SIGINT: "Ctrl-C",
    signal.SIGTERM: "a request to end, from a batch system, an administrator or a shutdown",
    signal.SIGHUP: "the terminal or the login closed",
    signal.SIGUSR1: "a batch system's warning before its time limit",
    signal.SIGUSR2: "a batch system's warning before its time limit",
}
REPEATED_SECONDS = 1.0  # `timeout` and many a launcher send one request twice


class StopSignals:
    """The first stop signal received, if any, which is checked for or interrupts a block.

    A second one more than a second later ends the process immediately, as signals do by default.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._came_at = 0.0
        self._at_once = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the stop signals within the block.

        A signal that is ignored stays ignored (nohup). Other threads than the main one can't
        handle signals; there this does nothing.
        """
        before = {}
        if threading.current_thread() is threading.main_thread():
            for number in MEANINGS:
                if signal.getsignal(number) != signal.SIG_IGN:
                    before[number] = signal.signal(number, self._note)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let a signal interrupt the block, which must be safe to repeat from its beginning.

        Raises Stopped, also after the block: Python drops exceptions raised within a finaliser.
        """
        self.check()
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False
        self.check()

    def check(self) -> None:
        """Raise Stopped if a signal was received."""
        if self.received is not None:
            raise Stopped(self.received)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is None:
            self.received, self._came_at = number, time.monotonic()
            if self._at_once:
                raise Stopped(number)
        elif time.monotonic() - self._came_at > REPEATED_SECONDS:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
