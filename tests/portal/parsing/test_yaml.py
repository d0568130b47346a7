"""YAML of strangers costs no more than its length, and ends in plain values or one refusal."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from portal.parsing.cards import read_head, text_below
from portal.parsing.yaml import MOST_CHARACTERS, NotYaml, read_yaml
from tests.cpu import cpu_seconds

FULL = MOST_CHARACTERS - 10
HOSTILE = {
    "open brackets": "[" * FULL,
    "open brackets in lines": "[\n" * (FULL // 2),
    "open braces": "{" * FULL,
    "nested mappings": "{a: " * (FULL // 4),
    "nested lists": "- " * (FULL // 2),
    "nested blocks": "".join(f"{' ' * level}a:\n" for level in range(300)),
    "complex keys": "? " * (FULL // 2),
    "anchors": "".join(f"k{number}: &a{number} 1\n" for number in range(3000)),
    "sixties": "a: 1" + ":59" * 16_000 + ".5",
    "a long integer": "a: " + "9" * (FULL - 3),
    "tags": "!a " * (FULL // 3),
    "many names": "".join(f"a{number}: {{b: [1, 2]}}\n" for number in range(2500)),
    "many dates": "".join(f"a{number}: 2001-01-01\n" for number in range(2500)),
    "many documents": "--- \n" * (FULL // 5),
    "directives": "%YAML 1.1\n" * (FULL // 10),
    "quotes": "'" * FULL,
    "comments": "#\n" * (FULL // 2),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_the_worst_of_fifty_thousand_characters_takes_a_moment(text):
    assert len(text) <= MOST_CHARACTERS

    def read() -> None:
        with suppress(NotYaml):
            read_yaml(text)

    assert cpu_seconds(read) < 0.5


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [", 3),
        ("a: 1\nb: *a", 2),
        ("a: 1\n\nb: " + "[" * 33, 3),
        ("a: 1\nb: !!float x", 2),
        ("a: 1\nb: !!int ''", 2),
        ("a: 1\nb: !!bool maybe", 2),
        ("a: 1\nb: !!set {c}", 2),
        ("a: 1\nb: !!python/object:os.system x", 2),
        ("a: 1\nb: 2\nb: {<<: {c: 1}}", 3),
        ('a: 1\nb: "\\0"', 2),
        ("a: 1\nb: \x01", 2),
        ("a: 1\nb: \ud800", 2),
        ("a: 1\nb: 1:59" + ":59" * 20, 2),
        ("a: 1\n? [b]\n: c", 2),
        ("a: 1\n--- b", 2),
    ],
)
def test_a_fault_is_told_with_its_line(text, line):
    with pytest.raises(NotYaml, match=f"^line {line}: "):
        read_yaml(text)


def test_a_name_that_comes_twice_is_refused():
    with pytest.raises(NotYaml, match="comes twice"):
        read_yaml("license: mit\nlicense: other")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: [1, 2.5, true, null, x]", {"a": [1, 2.5, True, None, "x"]}),
        ("a: 2026-11-29", {"a": "2026-11-29"}),
        ("a: 2001-99-99", {"a": "2001-99-99"}),
        ("a: .nan", {"a": ".nan"}),
        ("a: 1.0e+999", {"a": "1.0e+999"}),
        ("a: =\nb: <<", {"a": "=", "b": "<<"}),
        ("a:", {"a": None}),
        ("", None),
    ],
)
def test_what_comes_out_can_be_said_in_json(text, value):
    assert read_yaml(text) == value
    json.dumps(read_yaml(text), allow_nan=False)


def test_lines_of_a_card_are_counted_from_its_top():
    with pytest.raises(NotYaml, match=r"^line 4: "):
        read_head("\n---\na: 1\nb: *c\n---\n# A model")


@pytest.mark.parametrize(
    ("card", "head", "rest"),
    [
        ("---\na: 1\n---\n# A model", {"a": 1}, "# A model"),
        ("---\r\na: 1\r\n---\r\n# A model", {"a": 1}, "# A model"),
        ("---\n---\n# A model", {}, "# A model"),
        ("# A model\n---\na: 1\n---\n", None, "# A model\n---\na: 1\n---\n"),
        ("---\na: 1\n", None, "---\na: 1\n"),
    ],
)
def test_a_card_has_a_head_and_a_text(card, head, rest):
    assert read_head(card) == head
    assert text_below(card) == rest
