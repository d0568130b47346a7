"""Rotate the secret key in the environment file, in three steps with a restart after each.

A process that doesn't know the newest key would take a session under it for none, and sign its
person out. So every process first learns the next key, and only then does any of them sign by it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction

from portal import env, env_file
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.services import record
from portal.errors import Conflict
from portal.key_rotation.lives import longest_life

KEY = "WEIGHTGATE_SECRET_KEY"
NEXT = f"{KEY}_NEXT"
FORMER = f"{KEY}_FALLBACKS"
PEPPER = "WEIGHTGATE_TOKEN_PEPPER"
ID_DIGITS = 12
Changes = dict[str, str | None]
RotationStep = Callable[[Mapping[str, str]], Changes]


@dataclass(frozen=True)
class KeyState:
    """The ids of the keys in the environment file. ``ends_at``: when the former ones can go."""

    current: str
    next: str
    former: list[str]
    ends_at: datetime | None


def key_id(key: str) -> str:
    """Return a short name by which hosts are compared. It says nothing of the key."""
    return hmac.new(key.encode(), b"weightgate key id", hashlib.sha256).hexdigest()[:ID_DIGITS]


def introduce(standing: Mapping[str, str]) -> Changes:
    """Make the next key, which is known from now on and signs nothing yet."""
    if standing.get(NEXT):
        raise Conflict(
            "There is a next key already. Restart every process, then run `rotate_keys switch`."
        )
    if "," in standing[KEY]:
        raise Conflict(
            f"{KEY} has a comma, so that it can’t stand among former keys, which commas part. Use "
            "`rotate_keys replace`, which signs everybody out."
        )
    return {NEXT: _new_key()} | _own_pepper(standing)


def switch(standing: Mapping[str, str]) -> Changes:
    """Sign by the next key. What the one of before has signed holds on to its own end."""
    if not standing.get(NEXT):
        raise Conflict(
            "There is no next key yet. Run `rotate_keys introduce`, and restart every process."
        )
    former = [standing[KEY], *_former(standing)]
    return {KEY: standing[NEXT], NEXT: None, FORMER: ",".join(former)} | _own_pepper(standing)


def drop(standing: Mapping[str, str]) -> Changes:
    """Forget the former keys."""
    if not _former(standing):
        raise Conflict("There is no former key to drop.")
    return {FORMER: None}


def replace(standing: Mapping[str, str]) -> Changes:
    """Put a new key in place of all: what a stolen key has signed, and all else, holds no more."""
    return {KEY: _new_key(), NEXT: None, FORMER: None} | _own_pepper(standing)


STEPS: dict[str, RotationStep] = {
    step.__name__: step for step in (introduce, switch, drop, replace)
}


@transaction.atomic
def rotate_secret_key(step: str, *, now: datetime, is_early: bool, is_dry: bool) -> KeyState:
    """Take a step, and return what the file then has. Raise Conflict where it can't be taken.

    ``is_early`` drops former keys before all that they have signed has ended.
    """
    path, standing = _file()
    changes = STEPS[step](standing)
    if step == "drop" and not is_early:
        _require_over(read_state(), now)
    after = {name: value for name, value in (standing | changes).items() if value}
    if not is_dry:
        record(
            EventType.KEYS_ROTATED,
            actor=None,
            target=ContentType.objects.get_for_model(Session),
            at=now,
            step=step,
            key=key_id(after[KEY]),
        )
        env_file.change(path, changes)
    return _state(after, now if step == "switch" else _switched_at())


def read_state() -> KeyState:
    """Return where the rotation stands. Raise Conflict where no file has the key."""
    return _state(_file()[1], _switched_at())


def _state(settings: Mapping[str, str], switched_at: datetime | None) -> KeyState:
    former = [key_id(key) for key in _former(settings)]
    coming = settings.get(NEXT)
    ends_at = switched_at + longest_life()[1] if former and switched_at else None
    return KeyState(key_id(settings[KEY]), key_id(coming) if coming else "", former, ends_at)


def _require_over(state: KeyState, now: datetime) -> None:
    if state.ends_at is None:
        raise Conflict(
            "The record doesn’t say since when the former key signs nothing. If that is longer ago "
            f"than {longest_life()[1].days} days, say --early."
        )
    if now < state.ends_at:
        raise Conflict(
            f"Something that the former key signed may hold until {state.ends_at:%Y-%m-%d %H:%M} "
            f"UTC: {longest_life()[0]}. Wait until then, or end it now by --early."
        )


def _switched_at() -> datetime | None:
    events = AuditEvent.objects.filter(type=EventType.KEYS_ROTATED, data__step="switch")
    at: datetime | None = events.order_by("-sequence").values_list("at", flat=True).first()
    return at


def _file() -> tuple[Path, dict[str, str]]:
    """Return the environment file and what it sets; it must be what this process has read."""
    path = env.file_in_force()
    standing = env_file.read(path) if path else {}
    if path is None or standing.get(KEY) != env.in_force().get(KEY):
        raise Conflict(
            f"{KEY} isn’t set by an environment file, so this command can’t change it. Change it "
            "where it is set, in the steps of docs/keys.md."
        )
    return path, standing


def _former(settings: Mapping[str, str]) -> list[str]:
    return [key.strip() for key in settings.get(FORMER, "").split(",") if key.strip()]


def _own_pepper(standing: Mapping[str, str]) -> Changes:
    """Keep the hashes of tokens apart from the key: where it was their pepper, it stays that."""
    return {} if standing.get(PEPPER) else {PEPPER: standing[KEY]}


def _new_key() -> str:
    return secrets.token_urlsafe(64)
