"""Make hostile values by chance: what breaks parsers, columns, clocks and encodings.

Everything is drawn from one ``random.Random``, so that a seed says a whole case.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any
from urllib.parse import quote_from_bytes

LONG = 60_000
CARDS = [
    "---\n" + "[" * 5000 + "\n---\n",
    "---\na: 1" + ":59" * 3000 + ".5\n---\n",
    "---\na: &a [1]\nb: *a\n---\n",
    "---\na: !!float x\nb: !!int ''\n---\n",
    "---\nlicense: 2001-99-99\na: 1" + "0" * 5000 + "\n---\n",
    '---\na: "\\0"\n---\n',
    "---\nlicense: other\n---\n",
]
TEXTS = [
    *CARDS,
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "\ufffe\uffff",
    "\u202e\u2066\u200b",
    "a\r\nb: c",
    "x" * LONG,
    "💥" * 5000,
    "é" * 300,
    "[" * 5000,
    "%00%ff%ed%a0%80",
    "../../etc/passwd",
    "//evil.example",
    "' OR 1=1; --",
    "{{ 7 }}{% x %}",
    "<script>alert(1)</script>",
    "9" * 400,
    "9" * 5000,
    "-1",
    "1e999",
    "NaN",
    "Infinity",
    "0x10",
    "٣",
    "²",
    "1_000",
    "2147483648",
    "9223372036854775808",
    "0001-01-01",
    "9999-12-31",
    "9999-12-31T23:59:59+14:00",
    "2026-02-30T25:61:61Z",
    "10000-01-01",
    "a@b." + "c" * 300,
    "a/b/c/d",
    "min:" + "9" * 400,
    "sha256:" + "f" * 64,
    "f" * 40,
    "refs/heads/main",
]
WORST = ["\0", "a\0b", "\ud800", "x" * LONG, "9" * 400]
NUMBERS = [0, -1, 1, 2**31, 2**63 - 1, -(2**63), 2**63, 10**30, 1.5, 1e308, -0.0]
RAW = ["NaN", "-Infinity", "1e999", "1" + "0" * 400, "1" + "0" * 5000, '"\\ud800"', "[" * 100]
CHARSETS = ["utf-8", "utf-16", "utf-7", "iso-8859-1", "nonsense", "\xff"]
HEADERS = {
    "Range": ["bytes=0-" + "9" * 400, "bytes=-٣", "bytes=5-1,0-0", "lines=1-2", "bytes=\xff"],
    "If-Range": ['"\xff"', "x" * 3000],
    "If-None-Match": ['W/"x", "', "*"],
    "Accept": ["text/html;q=٣", "*/*;q=NaN", "x" * 3000],
    "Accept-Language": ["\xff" * 100, "x" * 5000],
    "Authorization": ["Bearer", "Bearer \xff", "Basic ====", "Basic " + "/" * 200, "Bearer wg_\0"],
    "Cookie": ["sessionid=\xff; csrftoken=" + "x" * 3000, "theme=%00", "messages=x"],
    "HX-Request": ["true"],
    "HX-Current-URL": ["\xff", "http://[::1"],
    "Referer": ["http://[", "\xff"],
    "X-Forwarded-For": ["\xff", "x" * 3000, "1.2.3.4, nonsense"],
    "Host": ["evil.example", "127.0.0.1:" + "9" * 10],
}


def text(random: Random) -> str:
    """Return a text, half of the time one that broke something once."""
    return random.choice(WORST if random.random() < 0.5 else TEXTS)


def value(random: Random, level: int = 0) -> Any:
    """Return any JSON value, mostly of a type that nobody asked for."""
    kind = random.randrange(8 if level < 3 else 5)
    if kind < 3:
        return text(random)
    if kind == 3:
        return random.choice(NUMBERS)
    if kind == 4:
        return random.choice([True, False, None, [], {}])
    if kind == 5:
        return [value(random, level + 1) for _ in range(random.randrange(4))]
    if kind == 6:
        return {text(random)[:50]: value(random, level + 1) for _ in range(random.randrange(4))}
    deep: Any = text(random)
    for _ in range(random.choice([5, 63, 64, 65, 90])):
        deep = [deep] if random.random() < 0.5 else {"a": deep}
    return deep


def body(random: Random, content: Any) -> bytes:
    """Return a value as JSON, sometimes with what no encoder would write."""
    written = json.dumps(content)
    kind = random.randrange(24)
    if kind == 0 and written.startswith("{"):
        written = '{"a": 1, "a": 2, ' + (written[1:] if len(written) > 2 else '"b": 1}')
    elif kind == 1 and ": " in written:
        before, _, after = written.partition(": ")
        end = min([at for at in (after.find(","), after.find("}")) if at >= 0] or [0])
        written = f"{before}: {random.choice(RAW)}{after[end:]}"
    elif kind == 2:
        written = written[: random.randrange(len(written) + 1)]
    elif kind == 3:
        return written.encode(random.choice(["utf-16", "utf-8-sig", "utf-32"]))
    elif kind == 4:
        return written.encode() + random.choice([b"\xff", b"\0", b"{}", b"\xed\xa0\x80"])
    elif kind == 5:
        return random.choice([b"[" * 200_000, b'{"a":' * 100_000, b"", b"3", b"null"])
    elif kind == 6 and written.startswith("{"):
        return b'{"\\ud800": 1, ' + (written[1:] if len(written) > 2 else '"b": 1}').encode()
    return written.encode()


def encoded(content: str) -> str:
    """Percent-encode, halves of characters too, as no browser would."""
    return quote_from_bytes(content.encode("utf-8", "surrogatepass"), safe="")


def headers(random: Random) -> dict[str, str]:
    """Return no headers, mostly; else a hostile one."""
    if random.random() < 0.8:
        return {}
    name = random.choice(list(HEADERS))
    return {name: random.choice(HEADERS[name])}
