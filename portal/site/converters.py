"""Converters for either part of ``namespace/name`` in an address."""

from __future__ import annotations

from django.urls.converters import StringConverter

from portal.accounts.names import reserved_words


class NameConverter(StringConverter):
    regex = "[A-Za-z0-9][A-Za-z0-9._-]{0,95}"


class NamespaceConverter(NameConverter):
    """A namespace: a first segment that isn't reserved, so that a model never hides a page."""

    def to_python(self, value: str) -> str:
        if value.lower() in reserved_words():
            raise ValueError(value)
        return value
