"""Ask the database one question once while a page is made that only reads.

The parts of a page are made apart, and several need the same: the settings of a gate, the votes on
a request. Within ``reading_once`` a function marked ``once`` answers from memory the second time.
Nothing is remembered outside it, so a service that changes rows always reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_answers: ContextVar[dict[Hashable, Any] | None] = ContextVar("answers", default=None)


@contextmanager
def reading_once() -> Iterator[None]:
    """Remember the answers of functions marked ``once`` until the block ends."""
    before = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(before)


@contextmanager
def still_reading_once() -> Iterator[None]:
    """Go on with what the block around remembers, or begin where there is none."""
    if _answers.get() is not None:
        yield
    else:
        with reading_once():
            yield


def once(key: Callable[P, Hashable]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Mark a function whose answer depends on ``key`` of its arguments alone, and on the rows."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def answer(*args: P.args, **kwargs: P.kwargs) -> T:
            answers = _answers.get()
            if answers is None:
                return function(*args, **kwargs)
            name = (function, key(*args, **kwargs))
            if name not in answers:
                answers[name] = function(*args, **kwargs)
            result: T = answers[name]
            return result

        return answer

    return decorate
