"""Calls are found in what a model writes, and what is no call of an offered tool stays text."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.jobs.chat.tools.reading import (
    FORMATS,
    Called,
    NamedReader,
    Said,
    ToolReader,
    required_reader,
)

NAMES = frozenset({"open_sluice", "close"})
OPEN = '{"name": "open_sluice", "arguments": {"by": 2, "why": "a \\"}{\\" b"}}'
OPENED = ("open_sluice", {"by": 2, "why": 'a "}{" b'})
CLOSE = '{"name": "close", "parameters": {}}'
CLOSED = ("close", {})
STRANGE = '{"name": "format_disk", "arguments": {}}'
READERS = {**FORMATS, "required": required_reader}


def read(reader: ToolReader, *parts: str):
    """Return the text, and the calls with their arguments, of an answer that comes in parts."""
    pieces = [piece for part in parts for piece in reader.feed(part)] + list(reader.end())
    text = "".join(piece.text for piece in pieces if isinstance(piece, Said))
    calls = [(p.name, json.loads(p.arguments)) for p in pieces if isinstance(p, Called)]
    return text, calls


def tagged(call: str) -> str:
    return f"<tool_call>\n{call}\n</tool_call>"


ANSWERS = {
    "hermes": [
        ("The water is low.", "The water is low.", []),
        (tagged(OPEN), "", [OPENED]),
        (f"I open it.\n{tagged(OPEN)}\n{tagged(CLOSE)}\n", "I open it.\n", [OPENED, CLOSED]),
        (f"<tool_call>{OPEN}", "", [OPENED]),
        (f"a <tool_ {tagged(OPEN)} b", "a <tool_  b", [OPENED]),
        (tagged(STRANGE), tagged(STRANGE), []),
        (tagged('{"name": "close", "arguments": "no"}'), None, []),
        (tagged('{"name": "close", "arguments": {"a": NaN}}'), None, []),
        (tagged("nothing"), None, []),
        ("<tool_call>", "<tool_call>", []),
        ("a <tool", "a <tool", []),
    ],
    "llama3_json": [
        ("The water is low: {}", "The water is low: {}", []),
        (OPEN, "", [OPENED]),
        (f"{OPEN}; {CLOSE}", "", [OPENED, CLOSED]),
        (f"<|python_tag|>{CLOSE}", "", [CLOSED]),
        (f"\n{CLOSE}\n", "", [CLOSED]),
        (STRANGE, STRANGE, []),
        ('{"name": "close"', '{"name": "close"', []),
        (f"{CLOSE} and so on", " and so on", [CLOSED]),
        ("{}} {", None, []),
        ("", "", []),
    ],
    "required": [
        (f"[{OPEN}, {CLOSE}]", "", [OPENED, CLOSED]),
        (f"[{CLOSE}]", "", [CLOSED]),
        (f'[{CLOSE}, {{"name": "op', ', {"name": "op', [CLOSED]),
        ("[", "", []),
    ],
}
CASES = [(name, *case) for name, cases in ANSWERS.items() for case in cases]


@pytest.mark.parametrize(("name", "answer", "text", "calls"), CASES)
def test_an_answer_is_read_alike_whole_and_by_the_character(name, answer, text, calls):
    expected = (answer if text is None else text, calls)
    assert read(READERS[name](NAMES), answer) == expected
    assert read(READERS[name](NAMES), *answer) == expected


TAGS = ["<tool_call>", "</tool_call>", "<", "tool_call>", "<|python_tag|>"]
PARTS = st.sampled_from([*TAGS, OPEN, CLOSE, STRANGE, *'{}["\\; \n', "water"])


@given(name=st.sampled_from([*READERS]), pieces=st.lists(PARTS, max_size=12))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_however_an_answer_is_cut_it_reads_the_same(name, pieces):
    whole = "".join(pieces)
    assert read(READERS[name](NAMES), *pieces) == read(READERS[name](NAMES), whole)
    assert read(READERS[name](NAMES), *whole) == read(READERS[name](NAMES), whole)


def test_text_comes_as_soon_as_it_can_be_no_call():
    reader = FORMATS["hermes"](NAMES)
    assert list(reader.feed("The water <")) == [Said("The water ")]
    assert list(reader.feed(" 2")) == [Said("< 2")]
    reader = FORMATS["llama3_json"](NAMES)
    assert list(reader.feed("The")) == [Said("The")]


def test_a_call_comes_as_soon_as_it_is_whole():
    for name, text in (
        ("hermes", tagged(CLOSE)),
        ("llama3_json", CLOSE),
        ("required", f"[{CLOSE}"),
    ):
        assert list(READERS[name](NAMES).feed(text)) == [Called("close", "{}")]


def test_arguments_of_a_named_tool_come_as_they_are_written():
    reader = NamedReader("close")
    pieces = [*reader.feed('{"a'), *reader.feed('": 1}'), *reader.end()]
    assert pieces == [Called("close", '{"a'), Called(None, '": 1}')]


def test_the_depth_of_a_call_is_bounded():
    deep = '{"name": "close", "arguments": {"a": ' + "[" * 5000 + "]" * 5000 + "}}"
    assert read(FORMATS["hermes"](NAMES), tagged(deep)) == (tagged(deep), [])
