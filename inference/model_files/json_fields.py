"""Read typed fields of a JSON object; a refusal names file and field."""

import sys
from collections.abc import Mapping
from typing import Any

from inference.errors import ConfigError


class Fields:
    """The fields of one file's object; error is raised for a value of another kind than asked for.

    A field that is absent has the default that the caller names.
    """

    def __init__(
        self, data: Mapping[str, Any], file_name: str, error: type[Exception] = ConfigError
    ) -> None:
        self._data, self._file_name, self._error = data, file_name, error

    def flag(self, name: str, default: bool) -> bool:
        """Return a field that is true or false."""
        value = self._data.get(name, default)
        if not isinstance(value, bool):
            raise self.refusal(name, "true or false")
        return value

    def integer(self, name: str, default: int, least: int) -> int:
        """Return a field that is an integer of least or more."""
        value = self._data.get(name, default)
        if not _is_integer(value) or value < least:
            raise self.refusal(name, f"an integer of {least} or more")
        return int(value)

    def number(self, name: str, default: float, least: float, most: float) -> float:
        """Return a field that is a finite number from least to most."""
        value = self._data.get(name, default)
        if not (isinstance(value, float) or _is_integer(value)) or not least <= value <= most:
            bound = f" to {most:g}" if most < sys.float_info.max else " or more"
            raise self.refusal(name, f"a number from {least:g}{bound}")
        return float(value)

    def text(self, name: str, default: str) -> str:
        """Return a field that is a string."""
        value = self._data.get(name, default)
        if not isinstance(value, str):
            raise self.refusal(name, "a string")
        return value

    def token_ids(self, name: str) -> tuple[int, ...]:
        """Return a field that is a token id, a list of them, or null for none; each id once."""
        value = self._data.get(name)
        tokens = value if isinstance(value, list) else [] if value is None else [value]
        if not all(_is_integer(token) and token >= 0 for token in tokens):
            raise self.refusal(name, "a token id of 0 or more, or a list of them")
        return tuple(dict.fromkeys(tokens))

    def token_id(self, name: str, default: int | None) -> int | None:
        """Return a field that is one token id, or null for none."""
        value = self._data.get(name, default)
        if value is not None and not (_is_integer(value) and value >= 0):
            raise self.refusal(name, "a token id of 0 or more, or null")
        return None if value is None else int(value)

    def value(self, name: str, default: Any = None) -> Any:
        """Return a field of any kind."""
        return self._data.get(name, default)

    def has(self, name: str) -> bool:
        """Tell whether the file has the field."""
        return name in self._data

    def unlike(self, neutral: Mapping[str, tuple[Any, ...]]) -> tuple[str, ...]:
        """Return the names of the fields that hold another value than those that do nothing."""
        values = {name: self._data[name] for name in neutral if self._data.get(name) is not None}
        return tuple(
            name
            for name, value in values.items()
            if not any(_equal(value, harmless) for harmless in neutral[name])
        )

    def refusal(self, name: str, kind: str) -> Exception:
        """Make the error that says which kind of value a field must have."""
        shown = repr(self._data.get(name))
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        return self._error(f"{self._file_name}: {name} must be {kind}, not {shown}")


def _equal(value: object, other: object) -> bool:
    """Tell whether values are equal in JSON, where, unlike in Python, true is not 1."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
