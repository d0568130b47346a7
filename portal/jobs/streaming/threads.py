"""Run database queries and slow work from asynchronous code that lives long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial, wraps
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")

# Only one thread at a time holds the interpreter's lock: more would compute no faster, and the
# loop's own would wait for each of them.
STREAM_THREADS = 2
THREAD_NAME = "stream"
_pool = ThreadPoolExecutor(STREAM_THREADS, thread_name_prefix=THREAD_NAME)


def in_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Run in the request's own thread and give the database connection back at once.

    A stream would otherwise keep one for as long as it lasts, and there are few.
    """
    return sync_to_async(_releasing(function), thread_sensitive=True)


def in_pool(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Run in one of the few threads that all streams of the process share.

    What a stream decodes, renders and looks up goes here, so that the loop only passes bytes on.
    """
    releasing = _releasing(function)

    @wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        work = partial(copy_context().run, releasing, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(_pool, work)

    return call


def _releasing(function: Callable[P, T]) -> Callable[P, T]:
    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        finally:
            release_connections()

    return call


def release_connections() -> None:
    """Give this thread's connections back to the pool, but for one inside a transaction."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
