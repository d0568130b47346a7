"""Read the documents of one file: text, JSON Lines or Parquet, plain or compressed."""

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from inference.errors import TrainError

TEXT_SUFFIXES = (".txt", ".text", ".md")
LINES_SUFFIXES = (".jsonl", ".ndjson")
PARQUET_SUFFIX = ".parquet"
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
# A longer text is cut at a line's end into several documents, so that memory stays bounded.
MOST_CHARACTERS = 16 * 2**20
ROWS_AT_ONCE = 1024
NAMES_AT_MOST = 12  # of the fields that a refusal lists


def kind_of(path: Path) -> str | None:
    """Return ``text``, ``lines`` or ``parquet`` by the name; None where the name says nothing."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    last = suffixes[-1] if suffixes else ""
    if last in LINES_SUFFIXES:
        return "lines"
    if last == PARQUET_SUFFIX:
        return "parquet"
    return "text" if last in TEXT_SUFFIXES else None


def read_documents(path: Path, field: str) -> Iterator[str]:
    """Yield a file's documents in their order; one of an unknown name is read as text.

    field: of JSON Lines and Parquet. Raises TrainError naming the file, the place and the remedy.
    """
    if path.stat().st_size == 0:
        raise TrainError(f"{path} is empty: take it out of --data, or put text into it")
    readers = {"lines": _read_lines, "parquet": _read_parquet}
    read = readers.get(kind_of(path) or "text")
    try:
        yield from _read_text(path) if read is None else read(path, field)
    except UnicodeDecodeError as error:
        raise TrainError(f"{path} is not UTF-8 (byte {error.start + 1} of a block)") from error
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise TrainError(f"{path} is cut short or not compressed as its name says") from error


def _read_text(path: Path) -> Iterator[str]:
    with _opened(path) as file:
        while text := file.read(MOST_CHARACTERS):
            yield text + file.readline() if len(text) == MOST_CHARACTERS else text


def _read_lines(path: Path, field: str) -> Iterator[str]:
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _text_of(_parsed(path, number, line), field, f"{path}, line {number}")


def _parsed(path: Path, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise TrainError(f"{path}, line {number} is not JSON: one object a line") from None


def _text_of(row: Any, field: str, where: str) -> str:
    if not isinstance(row, dict):
        raise TrainError(f"{where} is no object: one object a line, with its text in a field")
    if field not in row:
        raise TrainError(f"{where} {_lacks(field, list(row))}")
    if not isinstance(row[field], str):
        raise TrainError(f"{where}: field {field!r} holds no text; name another by --field")
    return str(row[field])


def _lacks(field: str, names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:NAMES_AT_MOST]) or "none"
    return f"has no field {field!r}; its fields are {shown}: name one by --field"


def _read_parquet(path: Path, field: str) -> Iterator[str]:
    arrow = _extra("pyarrow", f"{path} is Parquet")
    parquet = import_module("pyarrow.parquet")
    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if field not in names:
                raise TrainError(f"{path} {_lacks(field, names)}")
            kind = file.schema_arrow.field(field).type
            if not (arrow.types.is_string(kind) or arrow.types.is_large_string(kind)):
                raise TrainError(f"{path}: column {field!r} is of {kind}, not text; see --field")
            for batch in file.iter_batches(ROWS_AT_ONCE, columns=[field]):
                yield from (text for text in batch.column(0).to_pylist() if text is not None)
    except arrow.ArrowInvalid as error:
        raise TrainError(f"{path} is no Parquet file that can be read: {error}") from error


def _opened(path: Path) -> IO[str]:
    """Open a file as text, through what its last suffix names."""
    openers: dict[str, Callable[[Path], Any]] = {
        ".gz": gzip.GzipFile,
        ".bz2": bz2.BZ2File,
        ".xz": lzma.LZMAFile,
        ".zst": _open_zstandard,
    }
    opener = openers.get(path.suffix.lower())
    plain = path.open("rb") if opener is None else opener(path)
    return io.TextIOWrapper(plain, encoding="utf-8", newline="\n")


def _open_zstandard(path: Path) -> IO[bytes]:
    zstandard = _extra("zstandard", f"{path} is compressed by Zstandard")
    opened: IO[bytes] = zstandard.open(path, "rb")
    return opened


def _extra(name: str, why: str) -> Any:
    """Import a package of the extra ``train``. Raises TrainError saying how to install it."""
    try:
        return import_module(name)
    except ImportError:
        raise TrainError(
            f"{why}, and {name} is not installed: pip install 'weightgate[train]', or {name} alone"
        ) from None
