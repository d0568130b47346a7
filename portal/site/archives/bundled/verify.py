"""Check this bundle: python3 verify.py. It needs nothing but Python, and names wrong files."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONTENT = {
    1: ("sequence", "at", "type", "actor", "target", "data", "previous"),
    2: ("format", "sequence", "at", "type", "target", "data", "sealed", "previous"),
}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hash_of(content: dict[str, object]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def sums() -> Iterator[str]:
    """Yield each file that SHA256SUMS doesn't list, that is missing, or that has another sha256."""
    lines = (HERE / "SHA256SUMS").read_text("utf-8").splitlines()
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    present = {str(path.relative_to(HERE)) for path in HERE.rglob("*") if path.is_file()}
    for name in sorted((present | set(listed)) - {"SHA256SUMS"}):
        if "__pycache__" in name:
            continue
        if name not in listed:
            yield f"{name}: not listed in SHA256SUMS"
        elif name not in present:
            yield f"{name}: missing"
        elif sha256(HERE / name) != listed[name]:
            yield f"{name}: its sha256 is not the one in SHA256SUMS"


def licences() -> Iterator[str]:
    """Yield each licence text whose sha256 isn't its name, by which signatures refer to it."""
    for path in sorted((HERE / "licence").glob("*.txt")):
        if sha256(path) != path.stem:
            yield f"licence/{path.name}: not the text of that sha256"


def events() -> Iterator[str]:
    """Yield each event whose hash is wrong, or that doesn't fit its neighbours or heads.txt."""
    heads = {}
    for line in (HERE / "heads.txt").read_text("utf-8").splitlines():
        day, sequence, digest = line.split()
        heads[int(sequence)] = (day, digest)
    before = None
    for line in (HERE / "events.jsonl").read_text("utf-8").splitlines():
        event = json.loads(line)
        number = event["sequence"]
        content = {key: event.get(key) for key in CONTENT[event.get("format", 1)]}
        if "withheld" not in event and hash_of(content) != event["hash"]:
            yield f"events.jsonl: event {number} does not have the hash it states"
        if "opened" in event and hash_of(event["opened"]) != event["sealed"]:
            yield f"events.jsonl: event {number} was not done by whom it states"
        if before and before["sequence"] == number - 1 and before["hash"] != event["previous"]:
            yield f"events.jsonl: event {number} does not follow event {number - 1}"
        if number in heads and heads[number][1] != event["hash"]:
            yield f"heads.txt: the head of {heads[number][0]} is not event {number}"
        before = event


def checked(check: Callable[[], Iterator[str]], what: str) -> Iterator[str]:
    """Yield a check's findings; a file that can't be read is a finding too."""
    try:
        yield from check()
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield f"{what}: not readable as it was written ({error!r})"


faults = [
    *checked(sums, "SHA256SUMS"),
    *checked(licences, "licence"),
    *checked(events, "events.jsonl or heads.txt"),
]
for fault in faults:
    print(fault)
print("Faults found." if faults else "No faults found: all files are as they were bundled.")
sys.exit(1 if faults else 0)
