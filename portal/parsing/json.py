"""Read JSON for every surface: request bodies, lines of a commit, files of an upload.

What leaves this reader can be stored, echoed and written as JSON again: it has a bounded depth,
text that is UTF-8 without U+0000, finite numbers of 64 bits, and no name twice in an object.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from math import isfinite
from pathlib import Path
from typing import Any

from portal.errors import Invalid, TooLarge

LARGEST_BODY_BYTES = 4 << 20
MOST_LEVELS = 64
LONGEST_PATH = 100
INTEGERS = range(-(2**63), 2**63)
"""The database holds no larger number in a bigint column."""
SUSPECT = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)|NaN|Infinity|[0-9]{19}|[eE]\+?[0-9]{3}")
"""Only text that matches can hold a lone surrogate, U+0000 or a number without bounds."""
SURROGATE = re.compile("[\ud800-\udfff]")


class NotJson(Invalid):
    """An error that the text is no JSON, or holds what no part of the portal takes."""

    code = "not_json"


def read_object(
    text: bytes, *, most_bytes: int = LARGEST_BODY_BYTES, nul_in: Collection[str] = ()
) -> dict[str, Any]:
    """Read a JSON object; ``nul_in`` names the fields that may hold U+0000.

    Raises TooLarge, or NotJson with the field in which the fault lies.
    """
    content = read_json(text, most_bytes=most_bytes, nul_in=nul_in)
    if not isinstance(content, dict):
        raise NotJson("Send one JSON object, in UTF-8.")
    return content


def read_json(
    text: bytes, *, most_bytes: int = LARGEST_BODY_BYTES, nul_in: Collection[str] = ()
) -> Any:
    """Read any JSON value, within the same bounds as ``read_object``."""
    if len(text) > most_bytes:
        raise TooLarge(f"Send at most {most_bytes:,} bytes of JSON at once.")
    try:
        decoded = text.decode()
        content = json.loads(decoded, object_pairs_hook=_named_once)
    except RecursionError as error:
        raise NotJson(TOO_DEEP) from error
    except ValueError as error:  # no UTF-8, no JSON, or an integer of thousands of digits
        raise NotJson(f"This is not JSON in UTF-8: {_reason(error)}.") from error
    _require_shallow(content, decoded)
    if SUSPECT.search(decoded):
        _require_sound(content, nul_in)
    return content


def read_json_file(path: Path, *, most_bytes: int = LARGEST_BODY_BYTES) -> Any:
    """Read a file of JSON, and no more of it than ``most_bytes``."""
    with path.open("rb") as file:
        return read_json(file.read(most_bytes + 1), most_bytes=most_bytes)


TOO_DEEP = f"This JSON is nested too deeply. Use at most {MOST_LEVELS} levels."


def require_json_text(path: Path, *, most_bytes: int) -> None:
    """Raise NotJson for a file that no reader of JSON takes.

    For files that the portal keeps and doesn't read: transformers writes NaN and numbers of more
    than 64 bits into some, and reads them again.
    """
    if path.stat().st_size > most_bytes:
        raise NotJson(f"is over {most_bytes:,} bytes")
    try:
        json.loads(path.read_bytes())
    except RecursionError:
        raise NotJson("is nested too deeply") from None
    except ValueError as error:
        raise NotJson(_reason(error)) from None


def _reason(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno}, column {error.colno}"
    return "a number is too long"


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that comes twice: programs differ in which of the values they take."""
    content = dict(pairs)
    if len(content) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = ascii(counts.most_common(1)[0][0])[1:-1][:100]
        raise NotJson(f"The name “{twice}” comes twice in one object. Send it once.")
    return content


def _require_shallow(content: Any, text: str) -> None:
    if text.count("[") + text.count("{") <= MOST_LEVELS:
        return
    level = [content]
    for _ in range(MOST_LEVELS):
        level = [child for value in level for child in _children(value) if _holds_more(child)]
        if not level:
            return
    raise NotJson(TOO_DEEP)


def _holds_more(value: Any) -> bool:
    return isinstance(value, dict | list)


def _children(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _require_sound(content: Any, nul_in: Collection[str]) -> None:
    """Refuse the first fault with the names that lead to it, as in ``conditions.files``."""
    for path, leaf in _leaves(content):
        if problem := _problem(leaf, nul=path.partition(".")[0] in nul_in):
            named = f"“{path}”" if path else "A field’s name"
            raise NotJson(f"{named} {problem}.", field=path or None)


def _leaves(content: Any) -> Iterator[tuple[str, Any]]:
    """List all names and single values inside; a name comes before what stands under it."""
    rest = [("", content)]
    while rest:
        path, part = rest.pop()
        if isinstance(part, dict):
            yield from ((path, name) for name in part)
            prefix = f"{path}." if path else ""
            rest.extend((f"{prefix}{name}"[:LONGEST_PATH], child) for name, child in part.items())
        elif isinstance(part, list):
            rest.extend((path, child) for child in part)
        else:
            yield path, part


def _problem(leaf: Any, *, nul: bool = False) -> str:
    if isinstance(leaf, str):
        if SURROGATE.search(leaf):
            return "holds half of a character: a surrogate without its pair"
        return "may not hold the character U+0000" if "\0" in leaf and not nul else ""
    if isinstance(leaf, float):
        return "" if isfinite(leaf) else "holds a number that is not finite"
    if isinstance(leaf, int) and leaf not in INTEGERS:
        return "holds a number of more than 64 bits"
    return ""
