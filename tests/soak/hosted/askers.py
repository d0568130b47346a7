"""People who ask for completions one after another, and note each answer."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2

PATIENCE_SECONDS = 600.0
AGAIN_SECONDS = 0.2  # after a connection that broke, as the web process was killed
PROMPT = "The water"


@dataclass(frozen=True)
class Answer:
    """An answer that came whole: what was used, and where it stood in the queue at first."""

    person: int
    prompt_tokens: int
    completion_tokens: int
    position: int


@dataclass
class Answers:
    """The account of all that was answered, for several threads."""

    whole: list[Answer] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    broken: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return len(self.whole)


class Askers:
    """People in threads, who send so many requests in all."""

    def __init__(self, base_url: str, model: str, tokens: dict[int, str], requests: int) -> None:
        self.answers = Answers()
        self._base_url, self._model = base_url, model
        self._left = iter(range(requests))
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._ask_all, args=(person, token), daemon=True)
            for person, token in tokens.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def busy(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _ask_all(self, person: int, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        chance = random.Random(person)
        with httpx2.Client(
            base_url=self._base_url, timeout=PATIENCE_SECONDS, headers=headers
        ) as client:
            while self._next() is not None:
                body = {
                    "model": self._model,
                    "prompt": PROMPT,
                    "max_tokens": chance.randint(1, 16),
                    "stream": chance.random() < 0.5,
                    "ignore_eos": True,
                }
                self._ask_until_answered(client, person, body)

    def _next(self) -> int | None:
        with self._lock:
            return next(self._left, None)

    def _ask_until_answered(self, client: httpx2.Client, person: int, body: dict[str, Any]) -> None:
        """Ask, and again where the connection broke; a refusal is noted, and not tried again."""
        pause = threading.Event()
        while True:
            with suppress(httpx2.TransportError):
                if self._ask(client, person, body):
                    return
            self.answers.broken["stream" if body["stream"] else "whole"] += 1
            pause.wait(AGAIN_SECONDS)

    def _ask(self, client: httpx2.Client, person: int, body: dict[str, Any]) -> bool:
        if body["stream"]:
            body = {**body, "stream_options": {"include_usage": True}}
            with client.stream("POST", "/v1/completions", json=body) as response:
                text = response.read().decode()
        else:
            response = client.post("/v1/completions", json=body)
            text = response.text
        usage = None
        if response.status_code == httpx2.codes.OK:
            usage = _usage_in_stream(text) if body["stream"] else json.loads(text)["usage"]
            if usage is None and '"error"' not in text:
                return False  # the stream was cut
        if usage is None or usage["completion_tokens"] != body["max_tokens"]:
            self.answers.refused.append((response.status_code, text[-500:]))
            return True
        position = int(response.headers.get("X-Weightgate-Queue-Position", "0"))
        self.answers.whole.append(
            Answer(person, usage["prompt_tokens"], usage["completion_tokens"], position)
        )
        return True


def _usage_in_stream(text: str) -> dict[str, int] | None:
    lines = [line for line in text.splitlines() if line.startswith("data: ")]
    if not lines or lines[-1] != "data: [DONE]":
        return None
    usage: dict[str, int] | None = json.loads(lines[-2].removeprefix("data: ")).get("usage")
    return usage
