"""Read the environment by type; a malformed value stops the start and names its variable."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from portal import env_file


@dataclass(frozen=True)
class Setting:
    """A setting as docs/settings.md lists it."""

    name: str
    type: str
    default: str


REGISTRY: dict[str, Setting] = {}
PREFIX, OF_SETUP = "WEIGHTGATE_", "WEIGHTGATE_SETUP_"
OF_NGINX = ("WEIGHTGATE_PAGES", "WEIGHTGATE_STREAMS")  # names of deploy/nginx.conf.template alone


def _read(name: str, type_: str, default: str | None) -> str | None:
    REGISTRY[name] = Setting(name, type_, "" if default is None else default)
    return os.environ.get(name, default)


def load_file() -> None:
    """Take over the settings of the environment file that the environment doesn't set itself."""
    text(env_file.NAMED_BY, env_file.USUAL)
    env_file.load(os.environ)


def in_force() -> dict[str, str]:
    """Return the settings that are set, by the environment or its file, as they are written."""
    return {name: os.environ[name] for name in REGISTRY if name in os.environ}


def file_in_force() -> Path | None:
    """Return the environment file; None where there is none."""
    file = env_file.path_of(os.environ)
    return file if file is not None and env_file.is_there(file) else None


def unknown() -> dict[str, str]:
    """Return the names in the environment or its file that look like settings and are none.

    Each has the nearest setting's name, or nothing.
    """
    names = sorted(name for name in os.environ if name.startswith(PREFIX) and not _is_known(name))
    return {name: next(iter(get_close_matches(name, REGISTRY, 1, 0.8)), "") for name in names}


def _is_known(name: str) -> bool:
    return name in REGISTRY or name in OF_NGINX or name.startswith(OF_SETUP)


def passed_on() -> dict[str, str]:
    """Return what a program of others needs of the environment: none of our own settings."""
    return {name: value for name, value in os.environ.items() if name not in REGISTRY}


def text(name: str, default: str = "") -> str:
    return _read(name, "text", default) or ""


def arguments(name: str) -> tuple[str, ...]:
    """Read the arguments of a command, quoted as in a shell."""
    value = _read(name, "arguments", "") or ""
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} isn’t quoted as in a shell: {error}.") from None


def flag(name: str, *, default: bool) -> bool:
    value = _read(name, "flag", "1" if default else "0")
    if value not in ("0", "1"):
        raise ImproperlyConfigured(f"{name} is {value!r}: set it to 1 or 0.")
    return value == "1"


def integer(name: str, default: int, *, minimum: int = 0, maximum: int | None = None) -> int:
    value = _read(name, "integer", str(default)) or ""
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}: set it to a whole number.") from None
    if number < minimum:
        raise ImproperlyConfigured(f"{name} is {number}: set it to {minimum} or more.")
    if maximum is not None and number > maximum:
        raise ImproperlyConfigured(f"{name} is {number}: set it to {maximum} or less.")
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


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Read networks as ``10.1.0.0/16`` spells them; an address alone is one of a single host."""
    value = _read(name, "networks, comma-separated", "") or ""
    try:
        return [ip_network(word.strip()) for word in value.split(",") if word.strip()]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}. Write networks as 10.1.0.0/16.") from None


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
