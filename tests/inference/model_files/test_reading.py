"""Numbers on the command line: one line that names the option and its range."""

import argparse

import pytest

from inference.commands.reading import number, positive_int, whole_number


def parsed(kind, text):
    parser = argparse.ArgumentParser()
    parser.add_argument("--it", type=kind)
    return parser.parse_args([f"--it={text}"]).it


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (positive_int, "1", 1),
        (whole_number(0, 5), "0", 0),
        (number(0, 1e6), "0", 0.0),
        (number(0.5, 2), "1e0", 1.0),
    ],
)
def test_what_lies_in_the_range_is_taken(kind, text, value):
    taken = parsed(kind, text)
    assert (taken, type(taken)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (positive_int, "a whole number from 1 to 1000000000"),
        (whole_number(0, 5), "a whole number from 0 to 5"),
        (number(0.001, 1e6), "a number from 0.001 to 1000000.0"),
    ],
)
@pytest.mark.parametrize(
    "text", ["-1", "nan", "inf", "-inf", "", "x", "1e999", "9" * 30, "9" * 5000, "0x10", "1,5"]
)
def test_anything_else_ends_with_the_option_and_its_range(kind, said, text, capsys):
    with pytest.raises(SystemExit, match="2"):
        parsed(kind, text)
    [line] = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert f"argument --it: must be {said}, not '{text[:40]}" in line
    assert len(line) < 200
