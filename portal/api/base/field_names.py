"""Name the inputs of a service's refusal as the API's caller sent them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rest_framework import serializers

# What the API calls an argument of a service, where it has another name for it.
NAMES = {
    "ends_at": "until",
    "expires_at": "until",
    "fields": "questions",
    "licence_version_id": "version",
    "organization_name": "organization",
    "paragraphs": "text",
    "repo_id": "repo",
    "request_ids": "requests",
    "subject_id": "subject",
    "user_id": "username",
}


def as_sent(errors: Mapping[str, str], takes: type[Any] | None) -> dict[str, str]:
    """Return the errors by the fields of what the operation takes.

    A path is cut where the input has nothing deeper; errors that then meet are joined.
    """
    whole = takes() if takes is not None else None
    named: dict[str, str] = {}
    for argument, text in errors.items():
        name = field_path(argument, whole)
        named[name] = f"{named[name]} {text}" if name in named else text
    return named


def field_path(argument: str, takes: serializers.Field[Any, Any, Any, Any] | None) -> str:
    """Return the path of an input's field, or the argument's own where the input has none."""
    first, *rest = argument.split(".")
    if not list(known_parts([first], takes)):
        first = NAMES.get(first, first)
    return ".".join(known_parts([first, *rest], takes)) or ".".join([first, *rest])


def known_parts(
    path: Sequence[str], takes: serializers.Field[Any, Any, Any, Any] | None
) -> Iterator[str]:
    """Yield the parts of a path as far as an input has them, the outermost first."""
    inner: Any = takes
    for part in path:
        if isinstance(inner, serializers.Serializer) and part in inner.fields:
            inner = inner.fields[part]
        elif isinstance(inner, serializers.DictField) or (
            part.isdecimal() and hasattr(inner, "child")
        ):
            inner = inner.child
        else:
            return
        yield part
