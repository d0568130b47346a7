"""Keep what people wrote for a model, and what it wrote for them, out of logs and error reports.

The words of an error may quote anything: a driver quotes the row that it refuses, a decoder the
text that it can't read. So an error that passed through code that holds prompts is reported by its
kind and its place. Its words are kept only where its kind never quotes: a server that is away, a
device without memory.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import TracebackType

from django.db import OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

HIDDEN = "***"
HOLDS_PROMPTS = ("portal.jobs", "workers", "inference")
HOLDS_NONE = tuple(f"workers.{name}" for name in ("app", "backup", "checks", "mail", "maintenance"))
QUOTES_NOTHING = (OSError, MemoryError, OperationalError, RedisConnectionError, RedisTimeoutError)
# Named by their modules, since importing them takes seconds: torch's own kinds, such as
# OutOfMemoryError, speak of devices and sizes, the engine's of counts and files.
MODULES_THAT_QUOTE_NOTHING = ("torch", "inference.errors")
CAUSE = "\n\nThe above exception was the direct cause of the following exception:\n\n"
CONTEXT = "\n\nDuring handling of the above exception, another exception occurred:\n\n"


def may_quote(error: BaseException) -> bool:
    """Tell whether the error, or one that led to it, passed through code that holds prompts."""
    return any(holds_prompts(module) for one in chain(error) for module in _modules(one))


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error, what led to it, and the parts of groups, each once."""
    rest, seen = [error], set()
    while rest:
        one = rest.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        rest += [other for other in (one.__cause__, one.__context__) if other is not None]
        if isinstance(one, BaseExceptionGroup):
            rest += one.exceptions


def _modules(error: BaseException) -> Iterator[str]:
    step: TracebackType | None = error.__traceback__
    while step is not None:
        yield str(step.tb_frame.f_globals.get("__name__", ""))
        step = step.tb_next


def holds_prompts(module: str) -> bool:
    """Tell whether a module's code has prompts or outputs in its variables."""
    return _within(module, HOLDS_PROMPTS) and not _within(module, HOLDS_NONE)


def _within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in packages)


def words_of(error: BaseException) -> str:
    """Return the error's words where its kind quotes nothing; else three stars."""
    quotes_nothing = isinstance(error, QUOTES_NOTHING) or _within(
        type(error).__module__, MODULES_THAT_QUOTE_NOTHING
    )
    return str(error) if quotes_nothing else HIDDEN


def without_words(text: str, error: BaseException) -> str:
    """Blot out of a log line the words of an error, as they are or as Python spells them."""
    for one in chain(error):
        if words_of(one) == HIDDEN:
            for words in filter(None, (repr(one), str(one))):
                text = text.replace(words, f"{type(one).__name__} {HIDDEN}")
    return text


def formatted(error: BaseException) -> str:
    """Return the traceback as Python writes it, without words that may quote."""
    kind = type(error)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    frames = "".join(traceback.format_tb(error.__traceback__))
    own = f"Traceback (most recent call last):\n{frames}{name}: {words_of(error)}"
    if isinstance(error, BaseExceptionGroup):
        own = "\n\n".join([own, *map(formatted, error.exceptions)])
    if error.__cause__ is not None:
        return f"{formatted(error.__cause__)}{CAUSE}{own}"
    if error.__context__ is not None and not error.__suppress_context__:
        return f"{formatted(error.__context__)}{CONTEXT}{own}"
    return own
