"""A thin line: a TCP proxy that passes bytes on slowly, and counts them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK_BYTES = 16 * 1024


class ThinLink:
    """``bytes_down`` counts what went to clients. It paces by the clock, as a thin line does."""

    def __init__(self, upstream: tuple[str, int], bytes_per_second: float) -> None:
        self.upstream = upstream
        self.seconds_per_byte = 1 / bytes_per_second
        self.bytes_down = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{self.address[0]}:{self.address[1]}"

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self.upstream)
                for act in (self._up, self._down):
                    threading.Thread(target=act, args=(client, server), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while received := client.recv(CHUNK_BYTES):
                server.sendall(received)
        _end(client, server)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while received := server.recv(CHUNK_BYTES):
                time.sleep(len(received) * self.seconds_per_byte)
                client.sendall(received)
                with self._lock:
                    self.bytes_down += len(received)
        _end(client, server)


def _end(*connections: socket.socket) -> None:
    for connection in connections:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()


@contextmanager
def thin_link(upstream: tuple[str, int], *, bytes_per_second: float) -> Iterator[ThinLink]:
    link = ThinLink(upstream, bytes_per_second)
    try:
        yield link
    finally:
        link.close()
