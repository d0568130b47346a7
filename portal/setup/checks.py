"""Check the answers that become settings. Each returns the answer tidied, or raises Invalid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from portal.accounts.names import validate_name
from portal.errors import Invalid
from portal.setup.folders import require_writable
from portal.text.lines import as_line, line_fault

Answers = Mapping[str, str]
Check = Callable[[str, Answers], str]
LONGEST_LINE = 200
# What `make demo` leaves in its folder: its keys and data are no installation's.
OF_A_DEMO = ("demo.json", "demo-seed.json", "demo-model", "run/environment.json")


def web_address(value: str, answers: Answers) -> str:
    parts = _parts(value)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid("Write it as https://weights.example.org.")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise Invalid("Write the address alone, without a path, a query or a name to sign in.")
    return value.rstrip("/")


def sender(value: str, answers: Answers) -> str:
    """Take an address, or a name with its address in angle brackets."""
    _require_line(value)
    name, address = parseaddr(value)
    if not name and address != value:
        raise Invalid("Write it as gate@example.org, or as Example Lab <gate@example.org>.")
    return f"{name} <{mailbox(address, answers)}>" if name else mailbox(address, answers)


def mailbox(value: str, answers: Answers) -> str:
    try:
        validate_email(value)
    except ValidationError:
        raise Invalid("Write an e-mail address, as name@example.org.") from None
    return value


def line(value: str, answers: Answers) -> str:
    _require_line(value)
    return as_line(value)


def mail_kind(value: str, answers: Answers) -> str:
    if value not in ("files", "smtp"):
        raise Invalid("Answer files or smtp.")
    if value == "files" and answers.get("base_url", "").startswith("https://"):
        raise Invalid("At an https address mail goes out by smtp: kept in files it reaches nobody.")
    return value


def port(value: str, answers: Answers) -> str:
    if not value.isascii() or not value.isdecimal() or not 1 <= int(value) <= 65535:
        raise Invalid("Write a number from 1 to 65535.")
    return value


def one_or_zero(value: str, answers: Answers) -> str:
    if value not in ("0", "1"):
        raise Invalid("Answer 1 for yes or 0 for no.")
    return value


def postgres_address(value: str, answers: Answers) -> str:
    parts = _parts(value)
    if parts is None or parts.scheme not in ("postgres", "postgresql"):
        raise Invalid("Write it as postgresql://user:password@host/database.")
    return value


def redis_address(value: str, answers: Answers) -> str:
    parts = _parts(value)
    if parts is None or parts.scheme not in ("redis", "rediss", "unix"):
        raise Invalid("Write it as redis://host:6379/0.")
    return value


def account_name(value: str, answers: Answers) -> str:
    try:
        validate_name(value)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from None
    return value


def folder(value: str, answers: Answers) -> str:
    path = Path(value).expanduser().absolute()
    if any((path / name).exists() for name in OF_A_DEMO):
        raise Invalid(f"{path} is a demo’s folder. Choose another for the installation.")
    if path.exists() and not path.is_dir():
        raise Invalid(f"{path} is a file. Choose a folder.")
    require_writable(path)
    return str(path)


def _require_line(value: str) -> None:
    if not value.strip():
        raise Invalid("It may not be empty.")
    if len(value) > LONGEST_LINE:
        raise Invalid(f"Use {LONGEST_LINE} characters at most.")
    if fault := line_fault(value):
        raise Invalid(fault)


def _parts(value: str) -> SplitResult | None:
    """Return the parts of an address; None for what is none, such as one with a wrong port."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    return None if any(character.isspace() for character in value) else parts
