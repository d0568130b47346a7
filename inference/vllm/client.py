"""Speak to a running vLLM: stream samples, and read what it says of itself."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import Future
from typing import Any

import httpx2

from inference.errors import InferenceError
from inference.vllm.server import VllmServer

BASE = "http://vllm"
DATA, DONE = "data: ", "[DONE]"
# A stream is silent while its request waits for its turn, however long that takes.
TIMEOUT = httpx2.Timeout(None, connect=10.0)
SERVER_FAULT = 500
JOIN_SECONDS = 5.0
HEALTH_SECONDS = 30.0


class VllmRefused(InferenceError):
    """An error in vLLM's answer. fault: of vLLM's, rather than of the request."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.fault = code >= SERVER_FAULT


class VllmClient:
    """A thread with an event loop, in which requests run at the same time."""

    def __init__(self, server: VllmServer) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="vllm-client", daemon=True)
        self._client = httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(
                uds=str(server.socket),
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
            ),
            base_url=BASE,
            headers=server.headers,
            timeout=TIMEOUT,
        )
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, None]) -> "Future[None]":
        """Run work in the loop; the future cancels it, which closes its stream."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Break off all that runs, and end the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(JOIN_SECONDS)

    async def stream(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Yield the choices of a streamed completion. Raises VllmRefused and httpx2's errors."""
        async with self._client.stream("POST", "/v1/completions", json=body) as response:
            if response.status_code != httpx2.codes.OK:
                raise _refusal(await response.aread(), response.status_code)
            async for line in response.aiter_lines():
                if not line.startswith(DATA):
                    continue
                text = line.removeprefix(DATA)
                if text == DONE:
                    return
                for choice in _choices(json.loads(text)):
                    yield choice

    async def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the one choice of a completion. Raises VllmRefused and httpx2's errors."""
        response = await self._client.post("/v1/completions", json=body)
        if response.status_code != httpx2.codes.OK:
            raise _refusal(response.content, response.status_code)
        [choice] = _choices(response.json())
        return choice

    async def metrics(self) -> str:
        """Return a scrape of its metrics."""
        response = await self._client.get("/metrics")
        return str(response.raise_for_status().text)

    async def is_healthy(self) -> bool:
        """Ask it whether its engine still runs."""
        try:
            response = await self._client.get("/health", timeout=HEALTH_SECONDS)
        except httpx2.HTTPError:
            return False
        return bool(response.status_code == httpx2.codes.OK)

    def max_model_len(self) -> int:
        """Ask for the most tokens of a prompt with its completion."""
        return asyncio.run_coroutine_threadsafe(self._max_model_len(), self._loop).result()

    async def _max_model_len(self) -> int:
        response = await self._client.get("/v1/models")
        [model] = response.raise_for_status().json()["data"]
        return int(model["max_model_len"])

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(self._client.aclose())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


def _choices(answer: dict[str, Any]) -> list[dict[str, Any]]:
    error = answer.get("error")
    if error is not None:
        raise VllmRefused(str(error.get("message")), int(error.get("code") or SERVER_FAULT))
    choices: list[dict[str, Any]] = answer["choices"]
    return choices


def _refusal(content: bytes, status: int) -> VllmRefused:
    try:
        answer = json.loads(content)
        return VllmRefused(str(answer["error"]["message"]), status)
    except (ValueError, KeyError, TypeError):
        return VllmRefused(f"status {status}", status)
