"""Say when root runs a command on an installation of another account.

What root writes there that account can't change, and nothing that it may not do is found.
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from portal import env, env_file
from portal.process_commands import program


def wrong_account(arguments: Sequence[str]) -> str:
    """Return a sentence with the command to run instead; "" where this account is right."""
    from django.conf import settings

    if os.geteuid() != 0:
        return ""
    places = (settings.VAR, settings.MANIFEST_KEY_FILE, settings.SIGNING_KEY_FILE)
    place = next((place for place in places if _is_of_another(place)), None)
    if place is None:
        return ""
    owner = _name(place.stat().st_uid)
    return (
        f"You are root, and {place} belongs to {owner}. Run this as {owner}:\n"
        f"  {shlex.join([*_as(owner), *_with_settings(), *program(), 'manage', *arguments])}"
    )


def _is_of_another(place: Path) -> bool:
    return place.exists() and place.stat().st_uid != 0


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def _as(owner: str) -> list[str]:
    if shutil.which("sudo"):
        return ["sudo", "-u", owner]
    return ["runuser", "-u", owner, "--"]


def _with_settings() -> list[str]:
    file = env.file_in_force()
    return ["env", f"{env_file.NAMED_BY}={file.resolve()}"] if file else []
