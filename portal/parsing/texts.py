"""Hold free text of several lines to one rule, for each service that keeps or sends it."""

from __future__ import annotations

from portal.errors import FieldErrors

LONGEST_TEXT = 5000


def require_text(text: str, field: str, *, missing: str = "", at_most: int = LONGEST_TEXT) -> str:
    """Return the text without the space around it, or raise FieldErrors for its field.

    ``missing`` says what to do where it is empty; without it, it may be empty.
    """
    if problem := text_problem(text, missing=missing, at_most=at_most):
        raise FieldErrors({field: problem})
    return text.strip()


def text_problem(text: str, *, missing: str = "", at_most: int = LONGEST_TEXT) -> str:
    """Say what is to be done about a text; nothing where it is sound."""
    if not text.strip():
        return missing
    if len(text) > at_most:
        return f"Write at most {at_most:,} characters; this has {len(text):,}."
    if "\0" in text:
        return "Take out the character U+0000, which no text may hold."
    return ""
