"""Recognize what lies in a model file's place: a pointer, a web page, or a part of the file."""

import re
from pathlib import Path

POINTERS = ("a Git LFS pointer", "a git-annex pointer")
PAGE = "a web page"
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<error", b"<script")
_LFS = b"version https://git-lfs.github.com/spec/"
_ANNEX = (b"/annex/objects/", b"../.git/annex/")
_CLASS = re.compile(r"(?:GLOBAL|class) ([A-Za-z_][\w.]*)")
_UNMAPPED = "Cannot allocate memory"
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;]*m")


def lookalike(head: bytes) -> str | None:
    """Name what lies in a file's place, by its first bytes; None if it may be the file itself.

    No file of weights, of JSON or of merges begins in these ways.
    """
    if not head:
        return "empty"
    start = head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(_LFS):
        return POINTERS[0]
    if start.startswith(_ANNEX):
        return POINTERS[1]
    return PAGE if start.startswith(_PAGES) else None


def lookalike_in(path: Path) -> str | None:
    """Name what lies in the place of the file at path, or None. Raises OSError."""
    with path.open("rb") as file:
        return lookalike(file.read(512))


def why_unreadable(path: Path, error: Exception) -> str:
    """Say why a file of weights, or a pickle, can't be read, and what to do: a predicate.

    error: what the library that should read it raised. Its advice to trust the file isn't passed
    on, nor are the terminal's codes in it.
    """
    try:
        stand_in = lookalike_in(path)
    except OSError as cause:
        return f"cannot be read: {cause.strerror}"
    if stand_in is not None:
        return f"is {stand_in}, not weights: fetch it again"
    if _UNMAPPED in str(error):
        return (
            f"cannot be mapped: the system grants no {path.stat().st_size / 1e9:,.1f} GB at once. "
            "Let it (vm.overcommit_memory=1), or have smaller shards"
        )
    named = _CLASS.search(str(error))
    if named:
        return (
            f"holds an object of the class {named[1].rstrip('.')}, not tensors alone: load it "
            "where that class is known, and save its state_dict()"
        )
    return f"is damaged, or cut short ({_gist(error)}): fetch it again"


def _gist(error: Exception) -> str:
    text = _TERMINAL_CODES.sub("", str(error)).strip()
    if "weights_only" in text:
        return "its pickle is none of torch.save's"
    return text.partition("\n")[0].partition(". ")[0].rstrip(".") or type(error).__name__
