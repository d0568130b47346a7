"""The database from asynchronous code that lives long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")


def in_thread(
    function: Callable[P, T], *, thread_sensitive: bool = True
) -> Callable[P, Awaitable[T]]:
    """Run in a thread and give the database connection back at once.

    A stream would otherwise keep one for as long as it lasts, and there are few.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        finally:
            release_connections()

    return sync_to_async(call, thread_sensitive=thread_sensitive)


def release_connections() -> None:
    """Give this thread's connections back to the pool, but for one inside a transaction."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
