"""Mutate one field of one file at a time: each that the libraries know, to any kind of value.

Nothing here knows which of them matter.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ABSENT = object()
POOL = [
    None, True, False, 0, 1, 2, 3, -1, 299, 304, 0.5, 1.5, "x", "gelu", "</s>", [], [3], [2, 170],
    [[170, 177]], {}, {"x": 1},
]  # fmt: skip
_PLAIN = (True, False, 2, 3, 0.5, "x", "</s>", [3])
UNKNOWN = "nobody's"


@dataclass(frozen=True)
class Mutation:
    """apply changes a folder in place. named: what a refusal may call it by, any of these.

    plain: people do that, and where it makes no other model it is not to be refused.
    """

    title: str
    apply: Callable[[Path], None]
    named: tuple[str, ...]
    plain: bool = False


def of_fields(
    file: str, fields: dict[str, Any], usual: Mapping[str, Any] | None = None
) -> Iterator[list[Mutation]]:
    """Each field's mutations: it is taken away, or has a value of the pool that it hasn't now.

    usual: fields' defaults, which tell their types where the file doesn't.
    """
    for name, now in fields.items():
        values = [value for value in POOL if not same(value, now)]
        kind = type((usual or {}).get(name) if now is None else now)
        yield [
            set_field(file, (name,), value, plain=value in _PLAIN and type(value) is kind)
            for value in ([ABSENT] * (now is not None) + values)
        ]
    yield [set_field(file, (UNKNOWN,), value, plain=True) for value in POOL]


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def set_field(file: str, path: tuple, value: Any, *, plain: bool = False) -> Mutation:
    """Set a leaf of a JSON file, or remove it."""

    def apply(folder: Path) -> None:
        fields = json.loads((folder / file).read_text()) if (folder / file).exists() else {}
        inner = fields
        for step in path[:-1]:
            inner = inner[step]
        if value is not ABSENT:
            inner[path[-1]] = value
        else:
            inner.pop(path[-1], None) if isinstance(inner, dict) else inner.pop(path[-1])
        (folder / file).write_text(json.dumps(fields))

    shown = "absent" if value is ABSENT else json.dumps(value)
    title = f"{file}: {'.'.join(map(str, path))} {shown}"
    return Mutation(
        title, apply, (str(path[-1]), file), plain or (len(path) == 1 and value in (ABSENT, None))
    )


def of_leaves(file: str, found: Any, path: tuple = ()) -> Iterator[list[Mutation]]:
    """Mutate every leaf and branch of a JSON file, but for long tables."""
    items = found.items() if isinstance(found, dict) else enumerate(found)
    for name, now in list(items):
        if isinstance(now, dict | list) and len(now) > 50:
            continue
        here = (*path, name)
        values = [value for value in POOL if not same(value, now)]
        yield [set_field(file, here, value) for value in [ABSENT, *values]]
        if isinstance(now, dict | list):
            yield from of_leaves(file, now, here)


def write(
    file: str, title: str, change: Callable[[bytes], bytes], *named: str, plain: bool = False
) -> Mutation:
    """Change a file's bytes; an absent file has none."""

    def apply(folder: Path) -> None:
        path = folder / file
        path.write_bytes(change(path.read_bytes() if path.exists() else b""))

    return Mutation(f"{file}: {title}", apply, (file, *named), plain)


def remove(file: str, *named: str) -> Mutation:
    return Mutation(f"{file}: removed", lambda folder: (folder / file).unlink(), (file, *named))


def as_json(change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps(change(json.loads(data or b"{}"))).encode()


def as_lines(change: Callable[[list[str]], list[str]]) -> Callable[[bytes], bytes]:
    return lambda data: "\n".join(change(data.decode().split("\n"))).encode()


def damaged(file: str, *named: str) -> list[Mutation]:
    """List the damage that any file may take in transit."""
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"
    return [
        remove(file, *named),
        write(file, "empty", lambda _: b""),
        write(file, "cut short", lambda data: data[: len(data) // 2]),
        write(file, "a web page", lambda _: b"<!doctype html><html>Sign in</html>"),
        write(file, "a pointer", lambda _: pointer),
    ]
