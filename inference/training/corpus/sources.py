"""Find the files that --data names: files, folders and patterns, in one order on every machine."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from inference.errors import TrainError
from inference.training.corpus.readers import kind_of, read_documents


@dataclass(frozen=True)
class Sources:
    """The files to read documents from, and the field of those that have fields."""

    files: tuple[Path, ...]
    field: str = "text"

    def documents(self) -> Iterator[str]:
        """Yield every document that isn't blank, file by file."""
        for path in self.files:
            for text in read_documents(path, self.field):
                if text.strip():
                    yield text

    @property
    def size_bytes(self) -> int:
        """Bytes of all files, as they lie there."""
        return sum(path.stat().st_size for path in self.files)

    def fingerprint(self) -> str:
        """Return a digest of the files' names, sizes and times, for which nothing is read."""
        digest = hashlib.sha256(self.field.encode())
        for path in self.files:
            status = path.stat()
            digest.update(f"\n{path.resolve()} {status.st_size} {status.st_mtime_ns}".encode())
        return digest.hexdigest()


def find_sources(names: Sequence[str], field: str = "text") -> Sources:
    """Find the files of all names, each once, in the order of the names and then of the paths.

    Of a folder those are taken whose names say what they are. Raises TrainError.
    """
    files = dict.fromkeys(path for name in names for path in _files_of(name))
    return Sources(tuple(files), field)


def _files_of(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        return _files_in(path)
    if path.is_file():
        return [path]
    if not has_magic(name):
        raise TrainError(f"{name}: there is no such file or folder; see --data")
    matches = sorted(Path(match) for match in glob(name, recursive=True))
    files = [path for path in matches if path.is_file()]
    if not files:
        raise TrainError(f"{name} matches no file; see --data")
    return files


def _files_in(folder: Path) -> list[Path]:
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and kind_of(path) and not _is_hidden(path.relative_to(folder))
    )
    if not files:
        raise TrainError(
            f"{folder} holds no .txt, .md, .jsonl or .parquet, plain or compressed: name other "
            f"files by a pattern, such as '{folder}/**/*.py'"
        )
    return files


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
