"""Skip tables and demo data at a start when they are as this code leaves them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg

from portal.embedded.files import read_json, write_json


class Prepared:
    """A note in the var folder that this code has filled this database, with this model."""

    def __init__(self, *, var: Path, code: Path, database_url: str) -> None:
        self._path = var / "run" / "prepared.json"
        self._results = (var / "demo-model", var / "demo-seed.json")
        self._code = code
        self._database_url = database_url

    def holds(self) -> bool:
        in_place = all(path.exists() for path in self._results)
        return in_place and read_json(self._path) == self._state()

    def note(self) -> None:
        write_json(self._path, self._state())

    def _state(self) -> dict[str, str]:
        with psycopg.connect(self._database_url) as connection:
            query = "SELECT system_identifier FROM pg_control_system()"
            row = connection.execute(query).fetchone()
        return {"database": str(row), "code": self._fingerprint(), "at": str(self._path)}

    def _fingerprint(self) -> str:
        """Hash the times and sizes of the code's files, which is cheaper than asking Django."""
        digest = hashlib.sha256()
        for path in sorted(self._code.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                status = path.stat()
                digest.update(f"{path}\0{status.st_mtime_ns}\0{status.st_size}\n".encode())
        return digest.hexdigest()
