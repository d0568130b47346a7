"""JSON of strangers is read within bounds, or refused in words that name the field."""

from __future__ import annotations

import json
from functools import partial

import pytest

from portal.errors import TooLarge
from portal.parsing.json import LARGEST_BODY_BYTES, MOST_LEVELS, NotJson, read_json, read_object
from tests.cpu import cpu_seconds

NESTED = b"[" * MOST_LEVELS + b"]" * MOST_LEVELS


def refused(text: bytes, **options) -> NotJson:
    with pytest.raises(NotJson) as error:
        read_object(text, **options)
    json.dumps(error.value.message, ensure_ascii=False).encode()
    return error.value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"\xff",
        '{"a": 1}'.encode("utf-16"),
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": 1} {}',
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'{"a": ' + NESTED + b"}",
        b'{"a": 1' + b"0" * 5000 + b"}",
        b'{"a": 1, "a": 2}',
        b'{"a": {"\\ud800": 1, "\\ud800": 2}}',
        b'{"\\ud800": 1}',
        b'{"a\\u0000": 1}',
    ],
    ids=lambda text: repr(text[:30]),
)
def test_what_is_no_object_that_can_be_kept_is_refused(text):
    refused(text)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (r'"\ud800"', "half of a character"),
        (r'"\udc00\ud800"', "half of a character"),
        (r'{"\ud800": 1}', "half of a character"),
        (r'["x", ["\ud800"]]', "half of a character"),
        (r'"a\u0000b"', "U+0000"),
        (r'{"\u0000": 1}', "U+0000"),
        ("NaN", "not finite"),
        ("-Infinity", "not finite"),
        ("1e999", "not finite"),
        ("[[-1E+400]]", "not finite"),
        ("1" + "0" * 400, "64 bits"),
        (str(2**63), "64 bits"),
        (str(-(2**63) - 1), "64 bits"),
    ],
)
def test_a_fault_is_told_with_its_field(value, words):
    error = refused(f'{{"sound": 1, "field": {value}}}'.encode())
    assert error.field == "field"
    assert words in error.message


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (rb'{"value": {"content": "\ud800"}}', "value.content"),
        (rb'{"a": [{"b": {"\u0000": 1}}]}', "a.b"),
        (b'{"a": {"' + b"x" * 200 + b'": 1e999}}', "a." + "x" * 98),
    ],
)
def test_a_field_is_named_by_the_names_that_lead_to_it(text, field):
    assert refused(text).field == field


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb'{"a": "\ud83d\ude00"}', {"a": "😀"}),
        (rb'{"a": "\\ud800 \\u0000"}', {"a": r"\ud800 \u0000"}),
        (b'{"a": "NaN 1e999"}', {"a": "NaN 1e999"}),
        (b'{"a": 9223372036854775807}', {"a": 2**63 - 1}),
        (b'{"a": -9223372036854775808}', {"a": -(2**63)}),
        (b'{"a": "00000000000000000000000"}', {"a": "0" * 23}),
        (b'{"a": 1.5e300, "b": [true, null]}', {"a": 1.5e300, "b": [True, None]}),
        (b'{"a": "' + b"[" * 100 + b'"}', {"a": "[" * 100}),
        (b'{"a": [' + b"[1]," * 100 + b"[1]]}", {"a": [[1]] * 101}),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_sound_is_read(text, value):
    assert read_object(text) == value


def test_a_field_may_be_let_hold_any_character():
    assert read_object(rb'{"prompt": ["a\u0000b"]}', nul_in=["prompt"]) == {"prompt": ["a\0b"]}
    assert refused(rb'{"prompt": "\ud800"}', nul_in=["prompt"]).field == "prompt"


def test_more_bytes_than_the_bound_are_not_parsed():
    with pytest.raises(TooLarge):
        read_json(b"[" * (LARGEST_BODY_BYTES + 1))


@pytest.mark.parametrize(
    "piece", ["1,", "[],", r'"\ud83d\ude00",', "1e300,", "{},", '{"a":1},', '"NaN",']
)
def test_the_largest_body_takes_time_by_its_length_alone(piece):
    times = []
    for size in (LARGEST_BODY_BYTES // 8, LARGEST_BODY_BYTES // 2):
        text = b"[" + (piece * (size // len(piece))).encode() + b"0]"
        times.append(cpu_seconds(partial(read_json, text)))
    assert times[1] < 12 * times[0] + 0.1
