"""Ask /readyz and the streams' server in a thread, so that the supervisor isn't held up."""

from __future__ import annotations

import http.client
import time
from concurrent.futures import Future, ThreadPoolExecutor

PAUSE_SECONDS = 0.25
TIMEOUT_SECONDS = 10.0


class Readiness:
    def __init__(self, host: str, port: int, *, streams: bool = False) -> None:
        """`streams`: /v1 is served by a process of its own, of which /readyz knows nothing."""
        self._host, self._port = host, port
        self._paths = ("/readyz", "/v1/models") if streams else ("/readyz",)
        self._pool = ThreadPoolExecutor(1, "readyz")
        self._answer: Future[tuple[bool, str]] | None = None
        self._next_at = 0.0
        self.last = "no answer yet"

    def ready(self) -> bool:
        """Return True if an answer since the last call was a 200; ask again in the background."""
        if self._answer is None:
            if time.monotonic() >= self._next_at:
                self._answer = self._pool.submit(self._ask)
            return False
        if not self._answer.done():
            return False
        ready, self.last = self._answer.result()
        self._answer, self._next_at = None, time.monotonic() + PAUSE_SECONDS
        return ready

    def forget(self) -> None:
        """Ignore the answer to come: it was asked for before a part was restarted."""
        self._answer = None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self) -> tuple[bool, str]:
        answer = ""
        for path in self._paths:
            status, answer = self._get(path)
            refused = path != "/readyz" and 400 <= status < 500  # it answers: it has started
            if status != http.client.OK and not refused:
                return False, answer
        return True, answer

    def _get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", path, headers={"Accept": "application/json"})
            response = connection.getresponse()
            body = response.read(4096).decode(errors="replace")
            return response.status, f"HTTP {response.status} {body}"
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        finally:
            connection.close()
