"""Either part of ``namespace/name`` in an address."""

from __future__ import annotations

from django.urls.converters import StringConverter

from portal.accounts.names import reserved_words


class NameConverter(StringConverter):
    regex = "[A-Za-z0-9][A-Za-z0-9._-]{0,95}"


class NamespaceConverter(NameConverter):
    """A first segment that no other page answers to, so that a model never hides one."""

    def to_python(self, value: str) -> str:
        if value.lower() in reserved_words():
            raise ValueError(value)
        return value
