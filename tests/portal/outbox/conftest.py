"""Workers that run at once, and a mail server that can be held up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection

from tests.postbox import postbox

__all__ = ["postbox"]


@pytest.fixture
def in_a_thread() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Run something on a database connection of its own, as another worker would."""

    def closing(act: Callable[[], Any]) -> Any:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        yield lambda act: pool.submit(closing, act)


class SlowServer(BaseEmailBackend):
    """A mail backend that takes a mail, says so, and returns only when it is told to."""

    taken: list[str]
    has_one: threading.Event
    may_go_on: threading.Event

    def send_messages(self, messages: list[Any]) -> int:
        self.taken.extend(message.subject for message in messages)
        self.has_one.set()
        assert self.may_go_on.wait(20)
        return len(messages)


@pytest.fixture
def slow_server(settings) -> Iterator[type[SlowServer]]:
    SlowServer.taken = []
    SlowServer.has_one, SlowServer.may_go_on = threading.Event(), threading.Event()
    settings.EMAIL_BACKEND = "tests.portal.outbox.conftest.SlowServer"
    yield SlowServer
    SlowServer.may_go_on.set()
