from __future__ import annotations

import pytest

from portal.delivery.streaming.ranges import ByteRange, Unsatisfiable, parse_range

LONG = "bytes=-" + "9" * 5000


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-", 0, 1000),
        ("bytes=0-0", 0, 1),
        ("bytes=999-", 999, 1000),
        ("bytes=10-19", 10, 20),
        ("bytes=10-99999", 10, 1000),
        ("bytes=-1", 999, 1000),
        ("bytes=-5000", 0, 1000),
        ("BYTES = 5 - 6", 5, 7),
    ],
)
def test_one_range(header, start, stop):
    assert parse_range(header, 1000) == ByteRange(start, stop)


@pytest.mark.parametrize(
    "header",
    ["", "bytes=", "bytes=-", "bytes=5-4", "bytes=0-1,5-6", "items=0-1", "bytes=a-b", LONG],
)
def test_what_cannot_be_read_asks_for_the_whole(header):
    assert parse_range(header, 1000) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=1000-", 1000), ("bytes=5000-6000", 1000), ("bytes=-0", 1000), ("bytes=0-", 0)],
)
def test_past_the_end(header, size):
    with pytest.raises(Unsatisfiable):
        parse_range(header, size)
