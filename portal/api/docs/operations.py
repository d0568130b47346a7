"""Read the API’s operations, by group, from its own OpenAPI description."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from drf_spectacular.generators import SchemaGenerator

from portal.api.docs.fields import DocumentedField, Schema, SchemaReader, without_choices

JSON = "application/json"
PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class DocumentedAnswer:
    """An answer that an operation may give."""

    status: int
    phrase: str
    description: str


@dataclass(frozen=True)
class Operation:
    """One thing that the API does."""

    name: str
    method: str
    path: str
    summary: str
    paragraphs: list[str]
    parameters: list[DocumentedField]
    sent: list[DocumentedField]
    example: Any
    answered: list[DocumentedField]
    is_list: bool
    answers: list[DocumentedAnswer]

    @property
    def statuses(self) -> str:
        return ", ".join(str(answer.status) for answer in self.answers)

    @property
    def curl(self) -> str:
        """Return a command that calls it; names in capitals are for the reader to fill in."""
        path = PLACE.sub(lambda place: place[1].upper(), self.path)
        query = "&".join(
            f"{it.name}={it.name.upper()}"
            for it in self.parameters
            if it.is_required and f"{{{it.name}}}" not in self.path
        )
        address = f"{settings.BASE_URL}{path}"
        lines = ["curl" if self.method == "GET" else f"curl -X {self.method}"]
        lines[0] += f' "{address}?{query}"' if query else f" {address}"
        lines.append('-H "Authorization: Bearer $HF_TOKEN"')
        if self.example is not None:
            body = json.dumps(self.example, ensure_ascii=False)
            lines += ['-H "Content-Type: application/json"', f"-d {shlex.quote(body)}"]
        return " \\\n  ".join(lines)

    def matches(self, words: str) -> bool:
        """Tell whether each of some words stands in its path, its name or what is said of it."""
        text = " ".join([self.method, self.path, self.name, *self.paragraphs]).casefold()
        return all(word in text for word in words.casefold().split())


@dataclass(frozen=True)
class OperationGroup:
    """The operations on one kind of thing; ``slug`` is the first part of their paths."""

    slug: str
    operations: list[Operation]

    @property
    def title(self) -> str:
        return self.slug.replace("-", " ").capitalize()


@cache
def operation_groups() -> tuple[OperationGroup, ...]:
    """Return all groups, by name. The description is made once in a process."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    reader = SchemaReader(schema["components"]["schemas"])
    groups: dict[str, list[Operation]] = {}
    for slug, operation in _operations(schema["paths"], reader):
        groups.setdefault(slug, []).append(operation)
    return tuple(OperationGroup(slug, groups[slug]) for slug in sorted(groups))


def _operations(
    paths: Mapping[str, Mapping[str, Any]], reader: SchemaReader
) -> Iterator[tuple[str, Operation]]:
    for path, methods in paths.items():
        for method, described in methods.items():
            yield described["tags"][0], _operation(path, method, described, reader)


def _operation(path: str, method: str, described: Any, reader: SchemaReader) -> Operation:
    body = described.get("requestBody", {}).get("content", {})
    sent = _schema(body)
    examples = body.get(JSON, {}).get("examples", {})
    done: Mapping[str, Any] = next(
        (it for code, it in described["responses"].items() if code.startswith("2")), {}
    )
    answered = _schema(done.get("content", {}))
    fields = reader.fields_of(answered)
    is_list = {"count", "results"} <= {it.name for it in fields}
    return Operation(
        name=described["operationId"],
        method=method.upper(),
        path=path,
        summary=described.get("summary", described["operationId"]),
        paragraphs=[part for part in described.get("description", "").split("\n\n") if part],
        parameters=[
            DocumentedField(
                name=it["name"],
                kind=reader.kind_of(it["schema"]),
                description=without_choices(it.get("description", "")),
                is_required=it.get("required", False),
                choices=[str(choice) for choice in it["schema"].get("enum", ())],
            )
            for it in described.get("parameters", ())
        ],
        sent=reader.fields_of(sent),
        example=next((it["value"] for it in examples.values()), None),
        answered=next(it.fields for it in fields if it.name == "results") if is_list else fields,
        is_list=is_list,
        answers=[
            DocumentedAnswer(int(code), HTTPStatus(int(code)).phrase, it.get("description", ""))
            for code, it in described["responses"].items()
        ],
    )


def _schema(content: Mapping[str, Any]) -> Schema:
    """Return the schema of JSON, else of whatever else is sent."""
    of_any: Mapping[str, Any] = next(iter(content.values()), {})
    schema: Schema = content.get(JSON, of_any).get("schema", {})
    return schema
