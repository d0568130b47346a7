"""Let `manage.py` beside a running demo find that demo, without any setting."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from pathlib import Path

from portal.embedded.files import read_json, write_json

ROOT = Path(__file__).resolve().parents[3]
CONFIGURED_BY = ("DATABASE_URL", "WEIGHTGATE_SECRET_KEY")


def _note(var: Path) -> Path:
    return var / "run" / "environment.json"


def leave_note(var: Path, environment: Mapping[str, str]) -> None:
    """Write the demo's environment where its owner alone can read it: it has the secret key."""
    write_json(_note(var), dict(environment))


def remove_note(var: Path) -> None:
    _note(var).unlink(missing_ok=True)


def adopt_demo(environ: MutableMapping[str, str]) -> None:
    """Take over a running demo's environment, unless one is set already."""
    if any(name in environ for name in CONFIGURED_BY):
        return
    note = read_json(_note(Path(environ.get("WEIGHTGATE_VAR") or ROOT / "var")))
    if isinstance(note, dict):
        environ.update({name: value for name, value in note.items() if name not in environ})
