"""Rotate the secret key, step by step, or the key that signs manifests."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.errors import DomainError
from portal.key_rotation.lives import longest_life, signed_lives
from portal.key_rotation.manifest_key import rotate_manifest_key
from portal.key_rotation.secret_key import (
    STEPS,
    KeyState,
    read_state,
    rotate_secret_key,
)

RESTART = "Restart every process, on every host, one after another: pages, streams, worker, beat."
COPY = "Several hosts have the same file: copy it to each before its processes restart."
AFTER = {
    "introduce": (COPY, RESTART, "Then run `rotate_keys switch`."),
    "switch": (COPY, RESTART, "Nobody is signed out, and links hold to their own end."),
    "drop": (COPY, "Restart every process when it suits you."),
    "replace": (
        COPY,
        "Restart every process at once. Everybody signs in again; of links, forms and letters ends "
        "what the key signed: {signed}. Access tokens work on.",
    ),
    "status": (),
}


class Command(BaseCommand):
    help = (
        "Rotate keys without signing anybody out: introduce, switch and drop, with a restart of "
        "every process after each, for the secret key; manifest for the key of manifests; replace "
        "for a secret key that was stolen. Without a step, say where things stand. docs/keys.md "
        "says when to do what."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        steps = ("status", *STEPS, "manifest")
        parser.add_argument("step", nargs="?", default="status", choices=steps)
        parser.add_argument("--dry-run", action="store_true", help="change nothing")
        parser.add_argument(
            "--early", action="store_true", help="drop a key whose sessions and links still hold"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["early"] and options["step"] != "drop":
            raise CommandError("--early goes with the step drop.", returncode=2)
        try:
            lines = _lines(options["step"], options)
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write("\n".join(lines))
        if options["dry_run"]:
            self.stdout.write("Nothing was changed.")


def _lines(step: str, options: dict[str, Any]) -> list[str]:
    now, is_dry = timezone.now(), options["dry_run"]
    if step == "manifest":
        return _of_manifest(is_dry=is_dry)
    if step == "status":
        state = read_state()
    else:
        state = rotate_secret_key(step, now=now, is_early=options["early"], is_dry=is_dry)
    signed = ", ".join(signed_lives())
    return [*_of_state(state), *(line.format(signed=signed) for line in AFTER[step])]


def _of_state(state: KeyState) -> list[str]:
    lines = [f"Signs: key {state.current}."]
    if state.next:
        lines.append(f"Known, and signs next: key {state.next}.")
    lines += [f"Known from before: key {former}." for former in state.former]
    if state.ends_at:
        lines.append(
            f"What it signed ends by {state.ends_at:%Y-%m-%d %H:%M} UTC ({longest_life()[0]}), or "
            "as much later as a process was restarted later. Then run `rotate_keys drop`."
        )
    return lines


def _of_manifest(*, is_dry: bool) -> list[str]:
    changed = rotate_manifest_key(now=timezone.now(), is_dry=is_dry)
    return [
        f"Signs: {'a new key' if is_dry else f'key {changed.current}'}.",
        f"Published, and verifies what it signed: key {changed.former}.",
        f"Its private half is kept as {changed.kept}. Delete it once every host has the new key.",
        "Nothing has to be restarted. Several hosts have the same file: copy it to each. Tell the "
        "new fingerprint to those whom you told the former one, and make a backup.",
    ]
