"""The questions whose answers are settings, in the order in which they are put."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from portal.setup import checks
from portal.setup.checks import Answers, Check


def _always(answers: Answers) -> bool:
    return True


def _by_smtp(answers: Answers) -> bool:
    return answers.get("mail") == "smtp"


@dataclass(frozen=True)
class SetupQuestion:
    """Something to know; answered by a flag, a variable, the environment file, or a person.

    ``default`` is taken where nobody answers. ``offered`` is what a person may take by pressing
    Enter; unattended, such a question must be answered. ``is_named_first`` is so for a new
    installation alone, while one that is there keeps the default.
    """

    name: str
    variable: str
    prompt: str
    check: Check
    default: Callable[[Answers], str] | None = None
    offered: Callable[[Answers], str] | None = None
    is_secret: bool = False
    is_named_first: bool = False
    applies: Callable[[Answers], bool] = _always

    @property
    def flag(self) -> str:
        """Return the flag; secrets have none, since other users see command lines."""
        return "" if self.is_secret else "--" + self.name.replace("_", "-")

    @property
    def ways(self) -> str:
        return " or ".join(filter(None, (self.flag, self.variable)))


def host_of(base_url: str) -> str:
    return urlsplit(base_url).hostname or "localhost"


def _mail_host(answers: Answers) -> str:
    """Return the site's host, where it is a name: mail has no numbers after the sign."""
    host = host_of(answers.get("base_url", ""))
    return host if host.rpartition(".")[2].isalpha() else "localhost"


SETTINGS: Sequence[SetupQuestion] = (
    SetupQuestion(
        "base_url",
        "WEIGHTGATE_BASE_URL",
        "Address that people and clients use",
        checks.web_address,
        offered=lambda answers: "http://127.0.0.1:8000",
    ),
    SetupQuestion(
        "site_name",
        "WEIGHTGATE_SITE_NAME",
        "Name of the site, in titles and letters",
        checks.line,
        default=lambda answers: "Weightgate",
    ),
    SetupQuestion(
        "mail_from",
        "WEIGHTGATE_MAIL_FROM",
        "Sender of its mail",
        checks.sender,
        offered=lambda answers: f"weightgate@{_mail_host(answers)}",
    ),
    SetupQuestion(
        "mail",
        "WEIGHTGATE_MAIL",
        "Where mail goes: smtp, or files to try it out",
        checks.mail_kind,
        default=lambda answers: (
            "files" if answers.get("base_url", "").startswith("http://") else "smtp"
        ),
    ),
    SetupQuestion(
        "smtp_host",
        "WEIGHTGATE_SMTP_HOST",
        "Mail server",
        checks.line,
        default=lambda answers: "localhost",
        is_named_first=True,
        applies=_by_smtp,
    ),
    SetupQuestion(
        "smtp_port",
        "WEIGHTGATE_SMTP_PORT",
        "Its port",
        checks.port,
        default=lambda answers: "25",
        applies=_by_smtp,
    ),
    SetupQuestion(
        "smtp_tls",
        "WEIGHTGATE_SMTP_TLS",
        "Does it want STARTTLS, 1 or 0",
        checks.one_or_zero,
        default=lambda answers: "0",
        applies=_by_smtp,
    ),
    SetupQuestion(
        "smtp_user",
        "WEIGHTGATE_SMTP_USER",
        "Its user, empty for none",
        lambda value, answers: value,
        default=lambda answers: "",
        applies=_by_smtp,
    ),
    SetupQuestion(
        "smtp_password",
        "WEIGHTGATE_SMTP_PASSWORD",
        "Its password",
        lambda value, answers: value,
        default=lambda answers: "",
        is_secret=True,
        applies=lambda answers: _by_smtp(answers) and bool(answers.get("smtp_user")),
    ),
    SetupQuestion(
        "database_url",
        "DATABASE_URL",
        "PostgreSQL database",
        checks.postgres_address,
        default=lambda answers: "postgresql://weightgate@localhost/weightgate",
        is_named_first=True,
    ),
    SetupQuestion(
        "redis_url",
        "REDIS_URL",
        "Redis",
        checks.redis_address,
        default=lambda answers: "redis://localhost:6379/0",
        is_named_first=True,
    ),
    SetupQuestion(
        "var",
        "WEIGHTGATE_VAR",
        "Folder for keys, blobs and logs",
        checks.folder,
        default=lambda answers: str(Path("var").absolute()),
    ),
)
