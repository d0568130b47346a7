"""Say what comes after setting up: what to start, and what to open."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from portal import env_file, process_commands
from portal.settings.site import HOME

Steps = list[dict[str, str]]


def next_steps(*, env_path: Path | None, labs: list[str]) -> dict[str, Any]:
    """Return commands to start and addresses to open, each with its purpose."""
    return {"start": _commands(env_path), "open": _addresses(labs)}


def as_text(steps: dict[str, Any], *, is_dry: bool) -> str:
    """Write the steps as lines; after a dry run, as what would come."""
    starts = [f"  {step['command']}    # {step['what']}" for step in steps["start"]]
    start = "Then you would start" if is_dry else "Start"
    addresses = [f"  {step['url']}    {step['what']}" for step in steps["open"]]
    return "\n".join(
        [
            "",
            f"{start} these, each in a terminal or a service of its own, in {HOME}:",
            *starts,
            "",
            "And open:" if is_dry else "Then open:",
            *addresses,
        ]
    )


def _commands(env_path: Path | None) -> Steps:
    usual = env_path is None or env_path == HOME / env_file.USUAL
    before = "" if usual else f"{env_file.NAMED_BY}={shlex.quote(str(env_path))} "
    port = urlsplit(settings.BASE_URL).port
    address = f"{process_commands.HOST}:{port or process_commands.PORT}"
    commands = {
        "pages, API and streams; behind nginx, see docs/install.md": f"web all --bind {address}",
        "mail, deadlines and hosted inference": "worker",
        "the clock, once for all hosts": "beat",
    }
    program = shlex.join(process_commands.program())
    return [
        {"what": purpose, "command": f"{before}{program} {command}"}
        for purpose, command in commands.items()
    ]


def _addresses(labs: list[str]) -> Steps:
    lab = f"{settings.BASE_URL}/labs/{labs[0]}" if labs else f"{settings.BASE_URL}/labs"
    return [
        {"what": "sign in", "url": f"{settings.BASE_URL}/accounts/login/"},
        {"what": "invite people, and give them their roles", "url": lab},
        {"what": "make a model", "url": f"{lab}/models/new"},
    ]
