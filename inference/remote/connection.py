"""Speak HTTP with a portal: wait where it says so, and turn its refusals into errors."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import httpx2

from inference.errors import PromptTooLong, RemoteError, RemoteRefusal

CONNECT_SECONDS = 10.0
CONNECT_ATTEMPTS = 3
WAITS_AFTER = (httpx2.codes.TOO_MANY_REQUESTS, httpx2.codes.SERVICE_UNAVAILABLE)
DEFAULT_WAIT_SECONDS = 5.0
JOB_FAILED = "job_failed"


class Connection:
    """A portal's /v1, asked with an access token.

    patience_seconds: how long answers that say to come back later are waited for, in all.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout_seconds: float,
        patience_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.root = base_url.rstrip("/").removesuffix("/v1")
        if not self.root.startswith(("http://", "https://")):
            raise ValueError(f"base_url must begin with https:// or http://, not {base_url!r:.80}")
        timeout = httpx2.Timeout(timeout_seconds, connect=CONNECT_SECONDS)
        self._client = httpx2.Client(
            base_url=self.root, timeout=timeout, headers={"Authorization": f"Bearer {token}"}
        )
        # signed links carry their own right, and may lead to another host
        self._links = httpx2.Client(timeout=timeout, follow_redirects=True)
        self._patience_seconds, self._sleep = patience_seconds, sleep

    def close(self) -> None:
        """Close all connections."""
        self._client.close()
        self._links.close()

    def json(self, method: str, path: str, **options: Any) -> Any:
        """Return the JSON of an answer. Raises RemoteError, RemoteRefusal, PromptTooLong."""
        with self.stream(method, path, **options) as response:
            response.read()
            try:
                return response.json()
            except ValueError as error:
                raise RemoteError(f"{self.root} answered with no JSON: {error}") from error

    @contextmanager
    def stream(self, method: str, path: str, **options: Any) -> Iterator[httpx2.Response]:
        """Open an answer, to be read piece by piece; leaving the block closes it.

        Raises RemoteError, RemoteRefusal, PromptTooLong.
        """
        response = self._answered(method, path, options)
        try:
            yield response
        except httpx2.TransportError as error:
            raise self._lost(error) from error
        finally:
            response.close()

    @contextmanager
    def link(self, url: str) -> Iterator[httpx2.Response]:
        """Open what a path of the portal leads to by a signed link, without the token."""
        with self.stream("GET", url) as response:
            if not response.is_redirect:
                yield response
                return
            target = str(httpx2.URL(self.root).join(response.headers["Location"]))
        try:
            with self._links.stream("GET", target) as response:
                if not response.is_success:
                    self._raise(response)
                yield response
        except httpx2.TransportError as error:
            raise self._lost(error) from error

    def _answered(self, method: str, path: str, options: dict[str, Any]) -> httpx2.Response:
        """Send until the portal has time for it."""
        waited_seconds, failures = 0.0, 0
        while True:
            request = self._client.build_request(method, path, **options)
            try:
                response = self._client.send(request, stream=True)
            except httpx2.ConnectError as error:  # nothing was sent
                failures += 1
                if failures == CONNECT_ATTEMPTS:
                    raise self._lost(error) from error
                self._sleep(1.0)
                continue
            except httpx2.TransportError as error:
                raise self._lost(error) from error
            if response.is_success or response.is_redirect:
                return response
            wait_seconds = _wait_seconds(response)
            if wait_seconds is None or waited_seconds + wait_seconds > self._patience_seconds:
                self._raise(response)
            response.close()
            self._sleep(wait_seconds)
            waited_seconds += max(wait_seconds, 1.0)

    def _raise(self, response: httpx2.Response) -> NoReturn:
        """Raise a portal's refusal."""
        response.read()
        response.close()
        error = _error_of(response)
        message, code = str(error.get("message") or response.reason_phrase), error.get("code")
        if code == "context_length_exceeded":
            raise PromptTooLong(message)
        if response.status_code == httpx2.codes.BAD_REQUEST:
            field = error.get("param")
            raise RemoteRefusal(
                message if field is None or field in message else f"{field}: {message}", field
            )
        advice = self._advice(response.status_code)
        raise RemoteError(f"{message}{advice}", response.status_code, code)

    def _advice(self, status: int) -> str:
        if status == httpx2.codes.UNAUTHORIZED:
            return f" Make a token of the scope “infer” at {self.root}/settings/tokens."
        if status in WAITS_AFTER:
            return f" Longer waits than {self._patience_seconds:g} s in all need patience_seconds."
        return ""

    def _lost(self, error: httpx2.TransportError) -> RemoteError:
        if isinstance(error, httpx2.ReadTimeout):
            return RemoteError(
                f"{self.root} sent nothing in time: give a longer timeout_seconds, or ask for less"
            )
        return RemoteError(
            f"cannot reach {self.root} ({type(error).__name__}: {error}): check base_url and the "
            "network, and try again"
        )


def _error_of(response: httpx2.Response) -> dict[str, Any]:
    try:
        body = response.json()
        error = body["error"]
        return error if isinstance(error, dict) else {"message": str(error)}
    except (KeyError, TypeError, ValueError):
        return {"message": f"the portal answered {response.status_code} {response.reason_phrase}"}


def _wait_seconds(response: httpx2.Response) -> float | None:
    """Return after how many seconds to come back; None where that helps nothing."""
    if response.status_code not in WAITS_AFTER:
        return None
    stated = response.headers.get("Retry-After", "")
    return float(stated) if stated.isdecimal() else DEFAULT_WAIT_SECONDS
