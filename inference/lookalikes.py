"""What often lies where a model's file should: a pointer to it, or a page that says why not."""

_PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<error", b"<script")
_LFS = b"version https://git-lfs.github.com/spec/"
_ANNEX = (b"/annex/objects/", b"../.git/annex/")


def lookalike(head: bytes) -> str | None:
    """Say what a file is by its first bytes if it stands for the file that was asked for.

    None if it may be that file. No file of weights, of JSON or of merges begins in these ways.
    """
    if not head.strip():
        return "empty" if not head else None
    start = head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(_LFS):
        return "a Git LFS pointer"
    if start.startswith(_ANNEX):
        return "a git-annex pointer"
    return "a web page" if start.startswith(_PAGES) else None
