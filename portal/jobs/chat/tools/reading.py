"""Read calls of tools in what a model writes, as it comes.

What isn’t a call of a tool that was offered stays text: nothing that was written is lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from portal.catalog.models import ToolParser
from portal.errors import DomainError
from portal.parsing.json import read_object

CALL_BEGINS, CALL_ENDS = "<tool_call>", "</tool_call>"
PYTHON_TAG = "<|python_tag|>"
ARGUMENTS = ("arguments", "parameters")
BETWEEN_CALLS = ";, \t\r\n"
AROUND_CALLS = f"[]{BETWEEN_CALLS}"


@dataclass(frozen=True)
class Said:
    """Text for the reader."""

    text: str = field(repr=False)


@dataclass(frozen=True)
class Called:
    """A call of a tool; without a name, more of the last one’s arguments, which are JSON."""

    name: str | None
    arguments: str = field(repr=False)


Piece = Said | Called


class ToolReader(Protocol):
    """A reader of one answer, piece by piece."""

    def feed(self, text: str) -> Iterator[Piece]: ...

    def end(self) -> Iterator[Piece]: ...


class NamedReader:
    """A reader of the arguments of one tool, which are all that the model writes."""

    def __init__(self, name: str) -> None:
        self._name: str | None = name

    def feed(self, text: str) -> Iterator[Piece]:
        if text:
            yield Called(self._name, text)
            self._name = None

    def end(self) -> Iterator[Piece]:
        yield from ()


class TaggedReader:
    """A reader of calls between tags, as Hermes and Qwen write them."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._held = ""
        self._in_call = self._after_call = False

    def feed(self, text: str) -> Iterator[Piece]:
        self._held += text
        while True:
            tag = CALL_ENDS if self._in_call else CALL_BEGINS
            before, is_there, after = self._held.partition(tag)
            if not is_there:
                break
            self._held = after
            yield from self._call(before, CALL_ENDS) if self._in_call else self._text(before)
            self._in_call = not self._in_call
        if not self._in_call:
            yield from self._text(self._without_begun_tag())

    def end(self) -> Iterator[Piece]:
        """Read what is left; the last call may lack its end, which is a special token of some."""
        rest, self._held = self._held, ""
        yield from self._call(rest, "") if self._in_call else self._text(rest)

    def _without_begun_tag(self) -> str:
        """Take what is text for certain, and hold back what a tag, or the next call, may follow."""
        if self._after_call and not self._held.strip():
            return ""
        begun = next(
            (n for n in range(len(CALL_BEGINS) - 1, 0, -1) if self._held.endswith(CALL_BEGINS[:n])),
            0,
        )
        cut = len(self._held) - begun
        text, self._held = self._held[:cut], self._held[cut:]
        return text

    def _text(self, text: str) -> Iterator[Piece]:
        if text.strip() or (text and not self._after_call):
            self._after_call = False
            yield Said(text)

    def _call(self, text: str, end: str) -> Iterator[Piece]:
        call = called(text, self._names)
        self._after_call = call is not None
        yield call or Said(f"{CALL_BEGINS}{text}{end}")


class ObjectReader:
    """A reader of calls that are JSON objects, one after the other or in a list.

    ``opens``: whether an answer is calls is known by what it begins with.
    """

    def __init__(
        self, names: Collection[str], around: str, opens: Callable[[str], bool | None]
    ) -> None:
        self._names, self._around, self._opens = names, around, opens
        self._is_calls: bool | None = None
        self._held = ""
        self._at = self._depth = 0
        self._begins = -1
        self._in_string = self._is_escaped = False

    def feed(self, text: str) -> Iterator[Piece]:
        self._held += text
        if self._is_calls is None:
            self._is_calls = self._opens(self._held)
        if self._is_calls:
            yield from self._objects()
        elif self._is_calls is False:
            yield from self._rest()

    def end(self) -> Iterator[Piece]:
        yield from self._rest()

    def _rest(self) -> Iterator[Piece]:
        rest, self._held = self._held, ""
        if rest if self._is_calls is not True else rest.strip(self._around):
            yield Said(rest)

    def _objects(self) -> Iterator[Piece]:
        """Yield the objects that are whole, each once; the rest is held."""
        while self._at < len(self._held):
            self._look(self._held[self._at])
            self._at += 1
            if self._held[self._at - 1] == "}" and not self._depth and self._begins >= 0:
                yield from self._take()

    def _look(self, character: str) -> None:
        if self._in_string:
            self._in_string = self._is_escaped or character != '"'
            self._is_escaped = character == "\\" and not self._is_escaped
        elif self._depth and character == '"':
            self._in_string = True
        elif character == "{":
            if not self._depth:
                self._begins = self._at
            self._depth += 1
        elif character == "}":
            self._depth = max(self._depth - 1, 0)

    def _take(self) -> Iterator[Piece]:
        before, text = self._held[: self._begins], self._held[self._begins : self._at]
        self._held, self._at, self._begins = self._held[self._at :], 0, -1
        before = before.replace(PYTHON_TAG, "", 1)
        if before.strip(self._around):
            yield Said(before)
        yield called(text, self._names) or Said(text)


def called(text: str, names: Collection[str]) -> Called | None:
    """Read a call: an object with the name of a tool, and its arguments as another."""
    try:
        call = read_object(text.encode("utf-8", "surrogatepass"))
    except DomainError:
        return None
    arguments: Any = next((call[key] for key in ARGUMENTS if key in call), {})
    name = call.get("name")
    if not (isinstance(name, str) and name in names and isinstance(arguments, dict)):
        return None
    return Called(name, json.dumps(arguments, ensure_ascii=False))


def _begins_with_object(text: str) -> bool | None:
    """Tell whether an answer is calls; None while too little of it is there."""
    text = text.lstrip()
    if not text or (len(text) < len(PYTHON_TAG) and PYTHON_TAG.startswith(text)):
        return None
    return text.startswith(("{", PYTHON_TAG))


def required_reader(names: Collection[str]) -> ToolReader:
    """Return the reader of a list of calls, to which the answer is held."""
    return ObjectReader(names, AROUND_CALLS, lambda _: True)


def _llama_reader(names: Collection[str]) -> ToolReader:
    return ObjectReader(names, BETWEEN_CALLS, _begins_with_object)


FORMATS: dict[str, Callable[[Collection[str]], ToolReader]] = {
    ToolParser.HERMES: TaggedReader,
    ToolParser.LLAMA3_JSON: _llama_reader,
}
