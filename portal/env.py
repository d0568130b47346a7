"""Read the environment by type; a malformed value stops the start and names its variable."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True)
class Setting:
    """A setting as docs/settings.md lists it."""

    name: str
    type: str
    default: str


REGISTRY: dict[str, Setting] = {}


def _read(name: str, type_: str, default: str | None) -> str | None:
    REGISTRY[name] = Setting(name, type_, "" if default is None else default)
    return os.environ.get(name, default)


def text(name: str, default: str = "") -> str:
    return _read(name, "text", default) or ""


def flag(name: str, *, default: bool) -> bool:
    value = _read(name, "flag", "1" if default else "0")
    if value not in ("0", "1"):
        raise ImproperlyConfigured(f"{name} is {value!r}: set it to 1 or 0.")
    return value == "1"


def integer(name: str, default: int, *, minimum: int = 0) -> int:
    value = _read(name, "integer", str(default)) or ""
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}: set it to a whole number.") from None
    if number < minimum:
        raise ImproperlyConfigured(f"{name} is {number}: set it to {minimum} or more.")
    return number


def max_downloads() -> int:
    """Read the limit of downloads at once, for the settings and for nginx’s configuration."""
    return integer("WEIGHTGATE_MAX_DOWNLOADS", 64)


def decimal(name: str, default: float) -> float:
    value = _read(name, "decimal", str(default)) or ""
    try:
        return float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}: set it to a number.") from None


def choice(name: str, default: str, options: tuple[str, ...]) -> str:
    value = _read(name, " or ".join(options), default) or ""
    if value not in options:
        raise ImproperlyConfigured(f"{name} is {value!r}: set it to {' or '.join(options)}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    value = _read(name, "words, comma-separated", default) or ""
    return [word.strip() for word in value.split(",") if word.strip()]


def path(name: str, *, shown: str, default: Path) -> Path:
    """Read a path; ``shown`` is its default as the documentation spells it."""
    _read(name, "path", shown)
    return Path(os.environ.get(name) or default).absolute()


def database(name: str, default: str) -> dict[str, object]:
    """Read a ``postgresql://`` URL as Django's DATABASES entry; ``?host=`` is a socket folder."""
    url = urlsplit(_read(name, "postgresql URL", default) or "")
    if url.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(f"{name} must begin with postgresql://")
    socket_folder = parse_qs(url.query).get("host", [""])[0]
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.lstrip("/")) or "weightgate",
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": socket_folder or url.hostname or "",
        "PORT": str(url.port or parse_qs(url.query).get("port", [""])[0]),
    }
