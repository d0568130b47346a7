"""Let `manage.py` beside a running demo find that demo, without any setting."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from pathlib import Path

from portal import env_file
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
    """Take over a running demo's environment, unless one is set already.

    An installation's environment file is such a one, unless WEIGHTGATE_VAR names a demo.
    """
    if any(name in environ for name in CONFIGURED_BY) or _has_file(environ):
        return
    note = read_json(_note(Path(environ.get("WEIGHTGATE_VAR") or ROOT / "var")))
    if isinstance(note, dict):
        environ.update({name: value for name, value in note.items() if name not in environ})


def _has_file(environ: Mapping[str, str]) -> bool:
    path = env_file.path_of(environ)
    is_named = env_file.NAMED_BY in environ or "WEIGHTGATE_VAR" not in environ
    return is_named and path is not None and env_file.is_there(path)
