"""List what requirements.txt installs with its licences; `make licences`.

Every locked package and every program or library inside of its wheel is held against
allowed.toml beside this file. What isn't allowed there is named with what to do, and the status is
1. It reads this environment, and asks no index.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePath
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.txt"
RULES = Path(__file__).with_name("allowed.toml")
INSTALLER = "uv"  # scripts/environment installs it beside the lock
TEXT = frozenset({".h", ".html", ".js", ".json", ".md", ".py", ".pyc", ".pyi", ".txt"})
EXTENSION = re.compile(r"\.(cpython-3\d+[\w-]*|abi3)\.so$")


@dataclass(frozen=True)
class Licensed:
    """A package or a binary of one, with its terms."""

    name: str
    licence: str
    exception: str = ""  # why it passes where its terms are not among the allowed


def main() -> int:
    rules = tomllib.loads(RULES.read_text("utf-8"))
    names = sorted({*locked(LOCK.read_text("utf-8").splitlines()), INSTALLER})
    everything = [*packages(names, rules), *binaries(names, rules)]
    for item in everything:
        reason = f"  ({item.exception})" if item.exception else ""
        print(f"{item.name:40} {item.licence}{reason}")
    refused = [item for item in everything if not may_pass(item, rules["allowed"])]
    for item in refused:
        print(f"✗ {item.name}: {item.licence} is not allowed.", file=sys.stderr)
    if refused:
        print(
            f"Take another package, or add what its files say to {RULES.relative_to(ROOT)}.",
            file=sys.stderr,
        )
    return 1 if refused else 0


def locked(lines: Iterable[str]) -> Iterator[str]:
    """Yield the names of the lock's packages that belong to this Python and machine."""
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            yield canonicalize_name(requirement.name)


def packages(names: Iterable[str], rules: Mapping[str, Any]) -> Iterator[Licensed]:
    stated = stated_licences()
    for name in names:
        if exception := rules["exceptions"].get(name):
            yield Licensed(name, exception["licence"], exception["why"])
        else:
            licence = stated.get(name, "not installed: run `make .venv`")
            yield Licensed(name, rules["packages"].get(name) or in_spdx(licence, rules["said_as"]))


def stated_licences() -> dict[str, str]:
    """Return the licence that each installed package's metadata states, by its name."""
    options = ["--from=mixed", "--with-system", "--format=json"]
    command = [sys.executable, "-m", "piplicenses", *options]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {canonicalize_name(row["Name"]): row["License"] for row in json.loads(output)}


def in_spdx(licence: str, said_as: Mapping[str, str]) -> str:
    """Return the expression in SPDX's names; several classifiers all count."""
    parts = (said_as.get(part, part) for part in licence.split("; "))
    return " AND ".join(
        " OR ".join(said_as.get(choice, choice) for choice in part.split(" OR ")) for part in parts
    )


def binaries(names: Iterable[str], rules: Mapping[str, Any]) -> Iterator[Licensed]:
    """Yield a row for each kind of binary that is in a package, and for each that no rule names."""
    for name in names:
        try:
            files = list(programs(distribution(name)))
        except PackageNotFoundError:
            continue
        rows = [row for row in rules["binaries"] if row["package"] == name]
        yield from _by_row(name, files, rows)


def _by_row(
    name: str, files: Iterable[PurePath], rows: Iterable[Mapping[str, Any]]
) -> Iterator[Licensed]:
    remaining = set(files)
    for row in rows:
        fitting = {file for file in remaining if fits(file, row["files"])}
        remaining -= fitting
        if fitting:
            shown = ", ".join(row["files"])
            yield Licensed(f"{name}: {shown}", row["licence"], row.get("why", ""))
    for file in sorted(remaining):
        yield Licensed(f"{name}: {file}", "a binary that no row of [[binaries]] names")


def fits(file: PurePath, patterns: Iterable[str]) -> bool:
    """Return True if a pattern fits the name, or one with folders the path."""
    return any(fnmatch(str(file) if "/" in pattern else file.name, pattern) for pattern in patterns)


def programs(package: Distribution) -> Iterator[PurePath]:
    """Yield the ELF files of a package that aren't extension modules of its own."""
    for file in package.files or ():
        if file.suffix not in TEXT and not EXTENSION.search(file.name):
            path = Path(str(file.locate()))
            if path.is_file() and path.open("rb").read(4) == b"\x7fELF":
                yield file


def may_pass(item: Licensed, allowed: Iterable[str]) -> bool:
    """Return True for an exception, and where one choice of the expression is allowed in full.

    With brackets in it, every licence that is named must be allowed.
    """
    terms = frozenset(allowed)
    if item.exception:
        return True
    if "(" in item.licence:
        return all(name in terms for name in re.split(r" (?:AND|OR) |[()]+", item.licence) if name)
    choices = item.licence.split(" OR ")
    return any(all(name in terms for name in choice.split(" AND ")) for choice in choices)


if __name__ == "__main__":
    sys.exit(main())
