"""Read and complete the environment file: lines of ``NAME=value``, as systemd and a shell read."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from portal.private_files import write_private

NAMED_BY = "WEIGHTGATE_ENV_FILE"
USUAL = "weightgate.env"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HEADING = (
    "# Weightgate's settings, each described in docs/settings.md. Written by `manage.py setup`,\n"
    "# which completes this file and changes nothing in it. Variables that are set win over it.\n"
)


def path_of(environ: Mapping[str, str]) -> Path | None:
    """Return where the file lies; None where WEIGHTGATE_ENV_FILE is empty: there is to be none."""
    name = environ.get(NAMED_BY, USUAL)
    return Path(name).absolute() if name else None


def load(environ: MutableMapping[str, str]) -> None:
    """Take over what the file sets and the environment doesn't; a demo reads none."""
    path = path_of(environ)
    if path is None or environ.get("WEIGHTGATE_DEMO") == "1":
        return
    if NAMED_BY in environ and not is_there(path):
        raise ImproperlyConfigured(
            f"{NAMED_BY} is {path}, and there is no such file. `setup` makes it."
        )
    # systemd reads the file as root, and hands on what it holds: it needn't be readable here.
    if not _is_handed_on(path, environ):
        for name, value in read(path).items():
            environ.setdefault(name, value)


def is_there(path: Path) -> bool:
    """Tell whether there is such a file; one in a folder that is closed to us counts as there."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # whoever reads it is told why that can't be
    return True


def nothing_found(environ: Mapping[str, str]) -> str:
    """Return where settings were looked for in vain, and what to name."""
    path = path_of(environ)
    if path is None:
        looked = f"no file was read, since {NAMED_BY} is empty"
    elif is_there(path):
        looked = f"{path} doesn’t set it"
    else:
        looked = f"there is no {path}"
    return (
        "No settings of an installation were found: WEIGHTGATE_SECRET_KEY isn’t in the "
        f"environment, and {looked}. Name the installation’s file by {NAMED_BY}, such as "
        f"/etc/weightgate/{USUAL}, or run this in the folder of {USUAL}. `setup` makes a new "
        "installation. For a running demo, name its folder by WEIGHTGATE_VAR, where that isn’t "
        "./var."
    )


def read(path: Path) -> dict[str, str]:
    """Return what a file sets; nothing where there is none. Raises ImproperlyConfigured."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{path} can’t be read as settings: {error}") from None
    settings = {}
    for number, line in enumerate(lines, start=1):
        if line.strip() and line.lstrip()[0] not in "#;":
            name, value = _setting(line, f"{path}, line {number}")
            settings[name] = value
    return settings


def complete(path: Path, settings: Mapping[str, str]) -> list[str]:
    """Add to the file what it doesn't set yet, and return the names of that.

    What it holds stays as it is, to the byte. A file is seen whole or not at all, by its owner
    alone.
    """
    standing = read(path)
    new = {name: value for name, value in settings.items() if name not in standing}
    if new:
        before = path.read_text("utf-8") if path.exists() else HEADING
        joint = "" if before.endswith("\n") or not before else "\n"
        text = before + joint + written(new)
        write_private(path, text, like=path.stat() if path.exists() else None)
    return list(new)


def change(path: Path, changes: Mapping[str, str | None]) -> None:
    """Set the lines of these names anew, and take out those whose value is None.

    All other lines stay as they are. A name that has no line yet gets one at the end.
    """
    lines = [line for line in path.read_text("utf-8").splitlines() if _name(line) not in changes]
    others = "".join(f"{line}\n" for line in lines)
    new = {name: value for name, value in changes.items() if value is not None}
    write_private(path, others + written(new), like=path.stat())


def written(settings: Mapping[str, str]) -> str:
    """Return the content of a file that sets these."""
    return "".join(map(_line, settings.items()))


def _is_handed_on(path: Path, environ: Mapping[str, str]) -> bool:
    return "WEIGHTGATE_SECRET_KEY" in environ and is_there(path) and not os.access(path, os.R_OK)


def _name(line: str) -> str:
    return line.strip().partition("=")[0]


def _setting(line: str, where: str) -> tuple[str, str]:
    name, equals, value = line.strip().partition("=")
    try:
        parts = shlex.split(value)
    except ValueError:
        parts = ["", ""]
    if not equals or not NAME.fullmatch(name) or len(parts) > 1:
        raise ImproperlyConfigured(
            f"{where} can’t be read. Write NAME=value, and a value with spaces as NAME='the value'."
        )
    return name, parts[0] if parts else ""


def _line(setting: tuple[str, str]) -> str:
    name, value = setting
    return f"{name}={shlex.quote(value) if value else ''}\n"
