"""Keyboard shortcuts of the reviewers' pages, as their dialogs list them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shortcut:
    """Keys that are pressed one after another or together, and the act that they do."""

    keys: tuple[str, ...]
    act: str


ANYWHERE = (
    Shortcut(("c",), "claim or hand back"),
    Shortcut(("u",), "undo the last decision"),
    Shortcut(("?",), "this list"),
)
SHORTCUTS = {
    "queue": (
        Shortcut(("j", "k"), "next, previous row; the arrow keys too"),
        Shortcut(("Enter",), "open the case"),
        Shortcut(("s",), "start with the oldest"),
        Shortcut(("x",), "select for one decision on many"),
        Shortcut(("/",), "search"),
        *ANYWHERE,
    ),
    "case": (
        Shortcut(("j", "k"), "next, previous case"),
        Shortcut(("a",), "approve"),
        Shortcut(("q",), "ask a question"),
        Shortcut(("d",), "decline"),
        Shortcut(("n",), "private note"),
        Shortcut(("g", "q"), "back to the queue"),
        Shortcut(("Ctrl", "Enter"), "send what is open"),
        *ANYWHERE,
    ),
}
