"""An environment file, and processes that were started with what it held at the time."""

from __future__ import annotations

import runpy
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from portal import env_file
from portal.settings import site

OF_KEYS = ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "TOKEN_PEPPER", "TOKEN_PEPPER_FALLBACKS")


class KeyInstallation:
    """A file with the secret key of the tests; ``start`` begins a generation of processes."""

    def __init__(self, path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self._settings, self._patch = path, settings, monkeypatch
        path.write_text(f"# ours\nWEIGHTGATE_SECRET_KEY={settings.SECRET_KEY}\nPORT=1\n")
        monkeypatch.setenv(env_file.NAMED_BY, str(path))

    @property
    def standing(self) -> dict[str, str]:
        return env_file.read(self.path)

    def start(self) -> dict[str, Any]:
        """Return the keys of a process that starts now, as the settings read them."""
        with self._patch.context() as patch:
            for name in ("SECRET_KEY_NEXT", "SECRET_KEY_FALLBACKS", "TOKEN_PEPPER"):
                patch.delenv(f"WEIGHTGATE_{name}", raising=False)
            for name, value in self.standing.items():
                patch.setenv(name, value)
            read = runpy.run_path(str(Path(site.__file__)))
        return {name: read[name] for name in OF_KEYS}

    def serve_by(self, process: dict[str, Any]) -> None:
        """Let a process of this generation answer from here on."""
        for name, value in process.items():
            setattr(self._settings, name, value)

    def rotate(self, step: str, *options: str) -> str:
        """Run `rotate_keys` as a new process, and return what it prints."""
        self._patch.setenv("WEIGHTGATE_SECRET_KEY", self.standing["WEIGHTGATE_SECRET_KEY"])
        out = StringIO()
        call_command("rotate_keys", step, *options, stdout=out)
        return out.getvalue()
