"""Say in words what JSON of the OpenAPI description’s schemas looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_CHOICES = 20  # that are written out
DEEPEST = 3  # objects within objects that are written out
KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "array": "list",
}
FORMATS = {
    "date-time": "time, such as 2026-11-02T09:40:00Z",
    "date": "date, such as 2026-11-02",
    "uri": "address of a page",
    "email": "e-mail address",
    "uuid": "UUID",
    "binary": "file",
}
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class DocumentedField:
    """One field of what is sent or answered; ``fields``: those within it."""

    name: str
    kind: str
    description: str
    is_required: bool
    choices: list[str] = field(default_factory=list)
    fields: list[DocumentedField] = field(default_factory=list)

    @property
    def choices_in_words(self) -> str:
        """Return its choices, the first of them where they are many."""
        if len(self.choices) <= MOST_CHOICES:
            return ", ".join(self.choices)
        shown = ", ".join(self.choices[:MOST_CHOICES])
        return f"{shown} and {len(self.choices) - MOST_CHOICES} more"


@dataclass(frozen=True)
class SchemaReader:
    """A reader of schemas, which names the parts that many of them share."""

    components: Mapping[str, Schema]

    def fields_of(self, schema: Schema, depth: int = 0) -> list[DocumentedField]:
        """Return the fields of an object, or of the objects of a list; none for other JSON."""
        whole = self._whole(schema)
        if whole.get("type") == "array":
            return self.fields_of(whole.get("items", {}), depth)
        needed = whole.get("required", ())
        return [
            self._field(name, part, is_required=name in needed, depth=depth)
            for name, part in whole.get("properties", {}).items()
        ]

    def kind_of(self, schema: Schema) -> str:
        """Return what a value is, in words: “list of text”, “date … or null”."""
        whole = self._whole(schema)
        if "oneOf" in whole:
            kinds = dict.fromkeys(self.kind_of(part) for part in whole["oneOf"])
            words = " or ".join(kinds)
        elif whole.get("type") == "array":
            words = f"list of {self.kind_of(whole.get('items', {}))}"
        else:
            kind = KINDS.get(whole.get("type", ""), "any JSON")
            words = FORMATS.get(whole.get("format", ""), kind)
        return f"{words} or null" if whole.get("nullable") else words

    def _field(
        self, name: str, schema: Schema, *, is_required: bool, depth: int
    ) -> DocumentedField:
        whole = self._whole(schema)
        within = self.fields_of(whole, depth + 1) if depth < DEEPEST else []
        return DocumentedField(
            name=name,
            kind=self.kind_of(schema),
            description=without_choices(schema.get("description") or ""),
            is_required=is_required,
            choices=[str(choice) for choice in self._choices(whole) if choice not in ("", None)],
            fields=within,
        )

    def _choices(self, whole: Schema) -> list[Any]:
        if whole.get("type") == "array":
            return self._choices(self._whole(whole.get("items", {})))
        parts = [self._whole(part) for part in whole.get("oneOf", ())]
        return [*whole.get("enum", ()), *(one for part in parts for one in part.get("enum", ()))]

    def _whole(self, schema: Schema) -> Schema:
        """Return a schema with what it refers to."""
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        if name:
            return self._whole(self.components[name])
        whole: dict[str, Any] = {}
        for part in schema.get("allOf", ()):
            whole |= self._whole(part)
        return {**whole, **{key: value for key, value in schema.items() if key != "allOf"}}


def without_choices(text: str) -> str:
    """Leave out the list of choices that the description of an enum repeats."""
    return text.partition("* `")[0].strip()
