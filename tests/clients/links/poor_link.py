"""A poor link: a small TCP proxy that cuts the connections which carry weights, at random bytes."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

WEIGHTS = b"GET /-/d/"
END = b"\r\n\r\n"
HARD = struct.pack("ii", 1, 0)  # SO_LINGER: a reset instead of an orderly end


@dataclass
class Transfer:
    """The answer under way on one connection: how much of it may pass, None for all of it."""

    allowed: int | None = None
    head: bytes = b""
    in_body: bool = False


@dataclass
class PoorLink:
    """Before the portal at ``upstream``; cuts ``cuts`` times after 1 to ``longest`` body bytes."""

    upstream: tuple[str, int]
    cuts: int
    longest: int
    resets: bool = False
    on_cut: Callable[[int], None] = lambda left: None
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    body_bytes: int = 0
    made: int = 0

    def __enter__(self) -> PoorLink:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.lock = threading.Lock()
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.listener.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            portal, transfer = socket.create_connection(self.upstream), Transfer()
            for pump in (self._requests, self._answers):
                threading.Thread(target=pump, args=(client, portal, transfer), daemon=True).start()

    def _requests(self, client: socket.socket, portal: socket.socket, transfer: Transfer) -> None:
        try:
            while data := client.recv(65536):
                if data.startswith(WEIGHTS):
                    transfer.head, transfer.in_body = b"", False
                    transfer.allowed = self._allowance()
                portal.sendall(data)
            portal.shutdown(socket.SHUT_WR)
        except OSError:
            portal.close()

    def _allowance(self) -> int | None:
        with self.lock:
            if self.made >= self.cuts:
                return -1  # counted, and never cut
            return self.chance.randint(1, self.longest)

    def _answers(self, client: socket.socket, portal: socket.socket, transfer: Transfer) -> None:
        try:
            while data := portal.recv(65536):
                passed = self._passing(data, transfer)
                client.sendall(data[:passed])
                if passed < len(data):
                    self._cut(client)
                    break
        except OSError:
            pass
        finally:
            self._close(client)
            self._close(portal)

    def _close(self, end: socket.socket) -> None:
        """Shut first: a thread that waits on a socket would keep it open past its closing."""
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()

    def _passing(self, data: bytes, transfer: Transfer) -> int:
        """Return how much of this piece passes. Heads pass whole, and so does all but weights."""
        if transfer.allowed is None:
            return len(data)
        start = 0
        if not transfer.in_body:
            known = len(transfer.head)
            transfer.head += data
            if END not in transfer.head:
                return len(data)
            start = transfer.head.index(END) + len(END) - known
            if b" 20" not in transfer.head[:13]:
                transfer.allowed = None
                return len(data)
            transfer.in_body = True
        body = len(data) - start
        if transfer.allowed >= 0:
            body = min(body, transfer.allowed)
            transfer.allowed -= body
        with self.lock:
            self.body_bytes += body
        return start + body

    def _cut(self, client: socket.socket) -> None:
        with self.lock:
            self.made += 1
            hard = self.resets and self.chance.random() < 0.5
        if hard:
            client.shutdown(socket.SHUT_RD)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, HARD)
            client.close()
        self.on_cut(self.made)
